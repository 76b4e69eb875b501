"""Decoders of uploaded media, run in child processes: see `service.sandbox.media`."""
