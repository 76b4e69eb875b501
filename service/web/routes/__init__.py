"""Routes, one module a capability."""
