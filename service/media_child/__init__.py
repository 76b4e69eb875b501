"""Decoders of uploaded media, run in a child process of their own: see `service.media`."""
