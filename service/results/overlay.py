"""Draw the overlay, a copy of the media with the measurements drawn into it, in a child process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from service.engine.camera import Camera
from service.jobs.media_kind import Media
from service.sandbox.call import ask
from service.sandbox.confinement import Access
from service.sandbox.media import MediaLimits
from service.sandbox.preparation import Prepared

NAMES: dict[Media, str] = {"image": "overlay.jpg", "video": "overlay.mp4"}
"""Names of the artefact."""

TYPES: dict[Media, str] = {"image": "image/jpeg", "video": "video/mp4"}


def draw_overlay(
    media: Media,
    prepared: Prepared,
    table: Path,
    support: Mapping[str, str],
    room: Path,
    limits: MediaLimits,
    on_wait: Callable[[], None],
    camera: Camera | None = None,
) -> Path:
    """Draw the overlay in one pass and return its file.

    Args:
        prepared: the prepared media that the engine measured, so that frames and rows agree.
        table: CSV with the frames and coordinates of the prepared media.
        support: level by action-unit column, as the engine states it.
        room: the job's folder; gets `overlay/`.
        camera: the one that the engine was given.

    Raises:
        MediaError: the media cannot be decoded or drawn.
        EngineUnavailable, WorkspaceFull: this worker.
    """
    folder = room / "overlay"
    into = folder / NAMES[media]
    request: dict[str, Any] = {
        "media": media,
        "path": str(prepared.path.resolve()),
        "table": str(table.resolve()),
        "into": str(into.resolve()),
        "support": dict(support),
        "camera": astuple(camera) if camera else None,
    }
    access = Access(reads=(prepared.path.resolve(), table.resolve()))
    entry = "service.results.overlay_child"
    ask(request, folder, limits.of_copy(prepared.probe), on_wait, access=access, entry=entry)
    return into
