"""Routes, one module for each capability."""
