"""What fell through, found by walking over everything; nothing here prints.

A sweep reports. Only where it is told to does it mend, and each mending is one that the pipeline bears at any time:
a job asked for again, a message sent again, an artefact deleted that no result points to.
"""
