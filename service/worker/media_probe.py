"""Probe media for callers on many threads: pictures in children that stay, since starting one takes long."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path

from service.errors import Busy, EngineUnavailable
from service.jobs.media_kind import Media
from service.sandbox.confinement import Access
from service.sandbox.media import CONVERTED_NAME, MediaLimits, Probe, picture_probe, picture_question, probe
from service.sandbox.pool import Answer, ChildEnded, Pool
from service.sandbox.workspace import Workspace

CHILD = "service.sandbox.decoders.pool_child"
LOOK_S = 0.1
ANSWERS = 200
"""Pictures that one child decodes before another takes its place, so that harm by one of them does not spread."""


@dataclass(frozen=True)
class ProbeRequest:
    """A file to probe, and its item's folder."""

    path: Path
    media: Media
    room: Path


class Prober:
    """Probes media in child processes.

    Args:
        children: processes for pictures; a video has one of its own.
        waiting: pictures that may wait for them.
    """

    def __init__(self, workspace: Workspace, limits: MediaLimits, *, children: int, waiting: int) -> None:
        self._limits = limits
        self._converted = workspace.path / "converted"
        self._converted.mkdir()
        self._pool = Pool(
            CHILD,
            children=children,
            waiting=waiting,
            time_s=limits.probe_time_s,
            memory_bytes=limits.memory_bytes,
            file_bytes=limits.file_bytes,
            answers=ANSWERS,
            folder=lambda: workspace.path,
            # The pictures lie in their items' folders.
            access=lambda: Access(reads=(workspace.path,), writes=(self._converted,)),
        )

    def probe(self, request: ProbeRequest, on_wait: Callable[[], None], *, alone: bool = False) -> Probe:
        """Probe a media item, `alone` in a child of its own; see `media.probe`."""
        if request.media == "image" and not alone:
            try:
                return self._in_pool(request, on_wait)
            except (ChildEnded, Busy, EngineUnavailable):
                # A child of its own says more about the reason.
                pass
        return probe(request.path, request.media, request.room, self._limits, on_wait)

    def _in_pool(self, request: ProbeRequest, on_wait: Callable[[], None]) -> Probe:
        folder = self._converted / request.room.name
        folder.mkdir(parents=True)
        try:
            question = picture_question(request.path, folder, self._limits)
            fields = _waited(self._pool.submit(question), on_wait)
            if (folder / CONVERTED_NAME).is_file():
                (folder / CONVERTED_NAME).rename(request.room / CONVERTED_NAME)
            return picture_probe(fields)
        finally:
            # A child that is late finds no folder to write into.
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """End the children."""
        self._pool.close()


def _waited(answer: Future[Answer], on_wait: Callable[[], None]) -> dict[str, object]:
    while True:
        try:
            return answer.result(LOOK_S)[0]
        except NotYet:
            on_wait()
