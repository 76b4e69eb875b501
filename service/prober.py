"""Looks at media for callers on many threads: pictures that wait share a child process, which starts slowly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.errors import MediaError
from service.gather import Asked, Dropped, Gather
from service.job import Media
from service.media import MediaLimits, Probe, probe, probe_pictures
from service.workspace import Workspace


@dataclass(frozen=True)
class Look:
    """A file to look at, and its item's folder."""

    path: Path
    media: Media
    room: Path


class Prober:
    """Children that decode, so many at once.

    Args:
        children: processes at once.
        batch: pictures that one process looks at, at most.
    """

    def __init__(self, workspace: Workspace, limits: MediaLimits, *, children: int, batch: int) -> None:
        self._workspace = workspace
        self._limits = limits
        self._gather: Gather[Look, Probe] = Gather(
            self._see_through, turns=children, most=batch, go_together=lambda one, other: True, name="probe"
        )

    def look(self, look: Look, on_wait: Callable[[], None], *, alone: bool = False) -> Probe:
        """What the media is; see `media.probe`."""
        return self._gather.ask(look, lambda _: on_wait(), alone=alone or look.media == "video")

    def _see_through(self, taken: list[Asked[Look, Probe]]) -> None:
        if len(taken) > 1:
            taken = self._look_together(taken)
        for asked in taken:
            self._look_alone(asked)

    def _look_together(self, taken: list[Asked[Look, Probe]]) -> list[Asked[Look, Probe]]:
        """One child for all of these; where it fails over one, all have to be looked at again."""

        def on_wait() -> None:
            if all(asked.is_dropped for asked in taken):
                raise Dropped

        with self._workspace.room() as room:
            try:
                answers = probe_pictures([asked.question.path for asked in taken], room, self._limits, on_wait)
            except MediaError:
                return taken
            except Dropped:
                return []
        for asked, answer in zip(taken, answers, strict=True):
            if isinstance(answer, MediaError):
                asked.fail(answer)
            else:
                asked.end(answer)
        return []

    def _look_alone(self, asked: Asked[Look, Probe]) -> None:
        def on_wait() -> None:
            if asked.is_dropped:
                raise Dropped

        if not self._gather.keep(asked):
            return
        question = asked.question
        try:
            asked.end(probe(question.path, question.media, question.room, self._limits, on_wait))
        except BaseException as error:
            asked.fail(error)
