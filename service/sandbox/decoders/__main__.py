"""The child's entry: one request as JSON on the command line, one answer as JSON in a file.

Its imports are kept to what the request needs: it is started for every media item.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.errors import MediaError, WorkspaceFull
from service.sandbox.decoders import EXIT_DISK_FULL


def serve(do: Callable[..., dict[str, Any]]) -> None:
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
        return {"error": type(error).__name__, "message": error.message}
    except MemoryError:
        return {"error": "MediaTooLarge", "message": "it needs more memory than decoders may take"}


def _do(do: str, media: str, path: str, **arguments: Any) -> dict[str, Any]:
    # Imported here: pictures need OpenCV, videos FFmpeg, and neither the other.
    if media == "image":
        from service.sandbox.decoders import pictures

        return pictures.probe(path, **arguments) if do == "probe" else pictures.convert(path, **arguments)
    if do == "probe":
        from service.sandbox.decoders import videos

        return videos.probe(path, **arguments)
    from service.sandbox.decoders import upright

    return upright.rewrite(path, **arguments)


if __name__ == "__main__":
    serve(_do)
