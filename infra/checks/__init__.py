"""The checks of `make infra-check`: Bicep files, chart and workflows, without a cloud or a cluster."""
