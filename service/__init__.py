"""The service of Faceline: what runs in the container. Holds the version and nothing else."""

__version__ = "0.1.0"
