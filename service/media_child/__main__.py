"""The child's entry: one request as JSON on the command line, one answer as JSON in a file.

Its imports are kept to what the request needs: it is started for every media item.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from service.errors import MediaError, WorkspaceFull
from service.media_child import EXIT_DISK_FULL


def main(request: dict[str, Any], answer: Path) -> None:
    """Do what the request says; media that cannot be used is an answer too, anything else a traceback."""
    answer.write_text(json.dumps(_answer(request)), "utf-8")


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return _do(**request)
    except MediaError as error:
        return {"error": type(error).__name__, "message": error.message}
    except MemoryError:
        return {"error": "MediaTooLarge", "message": "it needs more memory than decoders may take"}


def _do(do: str, media: str, path: str, **arguments: Any) -> dict[str, Any]:
    # Imported here: pictures need OpenCV, videos FFmpeg, and neither the other; overlays need much more.
    if do == "overlay":
        from service.media_child import overlay

        return overlay.of_picture(path, **arguments) if media == "image" else overlay.of_video(path, **arguments)
    if media == "image":
        from service.media_child import pictures

        return pictures.probe(path, **arguments) if do == "probe" else pictures.convert(path, **arguments)
    if do == "probe":
        from service.media_child import videos

        return videos.probe(path, **arguments)
    from service.media_child import upright

    return upright.rewrite(path, **arguments)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]), Path(sys.argv[2]))
    except OSError as error:
        # Nothing can be written down any more: neither an answer nor a traceback.
        if WorkspaceFull.is_meant_by(error):
            sys.exit(EXIT_DISK_FULL)
        raise
