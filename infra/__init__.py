"""Deploy the parts: on this machine, a container host, Kubernetes or Azure."""
