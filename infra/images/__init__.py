"""What is in the images beside the service, and the check of the images without a Docker daemon."""
