"""What `make infra-check` proves of the Bicep files, the chart and the workflows, without a cloud or a cluster."""
