"""Decoders of uploaded media, run in a child process of their own: see `service.sandbox.media`."""

import os

EXIT_DISK_FULL = os.EX_CANTCREAT
"""Exit code of a child that had no room to write; its files cannot say so."""
