"""How the parts are put on a machine: this one, a container host, Kubernetes or Azure."""
