"""Scripts that the images contain beside the service, and the check of the images without a Docker daemon."""
