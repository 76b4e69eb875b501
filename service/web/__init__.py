"""The web application: one module a capability."""
