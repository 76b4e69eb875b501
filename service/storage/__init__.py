"""Blobs, the job queue and the job table; the only files that import the Azure SDK."""
