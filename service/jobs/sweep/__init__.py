"""Find lost uploads, jobs and artefacts by going through the whole storage account; print nothing.

A sweep reports. With `mend` it also repairs, and each repair is safe at any time: a job submitted again, a message sent
again, an artefact deleted that no result points to.
"""
