"""The storage account and its blobs, a plain folder in its place, and files of this machine."""
