"""The side of a child that answers one request: JSON on its command line in, JSON in a file out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.errors import MediaError, WorkspaceFull
from service.sandbox.protocol import error_fields, out_of_memory

EXIT_DISK_FULL = os.EX_CANTCREAT
"""Exit code of a child that had no room to write; its files cannot say so."""


def serve_once(do: Callable[..., dict[str, Any]]) -> None:
    """Answer the request on the command line; a file that cannot be used is an answer, anything else a traceback."""
    try:
        request, answer = json.loads(sys.argv[1]), Path(sys.argv[2])
        answer.write_text(json.dumps(_answer(do, request)), "utf-8")
    except OSError as error:
        # Nothing can be written any more: neither an answer nor a traceback.
        if WorkspaceFull.is_meant_by(error):
            sys.exit(EXIT_DISK_FULL)
        raise


def _answer(do: Callable[..., dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    try:
        return do(**request)
    except MediaError as error:
        return error_fields(error)
    except MemoryError:
        return out_of_memory()
