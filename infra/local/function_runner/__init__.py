"""Runs the real function app without the Functions host: polls storage, calls what the triggers ask for."""
