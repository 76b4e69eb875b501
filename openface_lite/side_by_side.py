"""Follow one face through a video stretch by stretch, in as many processes as there are processors.

Each stretch is followed afresh, from its first frame on, in which the face is found and then followed to, as it would
have been on the way there. Where that finds another face than the one followed before, the earlier
one is followed on until both agree, so that the rows are those of one face. One process does all the same.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

import numpy as np

from openface_lite import action_units, columns, detect, processors
from openface_lite.arrays import Array
from openface_lite.face import Face
from openface_lite.forked import ForkedPool
from openface_lite.pictures import Picture
from openface_lite.pose import Camera
from openface_lite.recorder import Crops, video_crop
from openface_lite.stretches import Stretch, frames_of, joined
from openface_lite.track import FaceTracker
from openface_lite.videos import Frame

_FLUSHED_ROWS = 10


@dataclass(frozen=True)
class Clip:
    """What all stretches of a video share: its file, size and camera, and what is to be written and drawn."""

    path: Path
    size: tuple[int, int]
    camera: Camera
    begin: int
    selection: frozenset[str]
    thorough: bool
    crops: Crops | None = None

    @property
    def groups(self) -> tuple[columns.Group, ...]:
        """The columns of a row."""
        return columns.video_groups(self.selection)


class Row(NamedTuple):
    """One frame: its time, its face's box (NaN without one), its signals, and its line of the table."""

    time_s: float
    box: Array
    measures: Array
    line: str


@dataclass(frozen=True)
class Followed:
    """A stretch that was followed afresh; its lines are in ``rows`` of its folder, and ``tracker`` is at its end."""

    times_s: Array
    boxes: Array
    measures: Array
    rows: Path
    tracker: FaceTracker

    def lines(self) -> list[str]:
        """The table's lines, which are deleted."""
        lines = self.rows.read_text("utf-8").splitlines(keepends=True)
        self.rows.unlink()
        return lines


@contextmanager
def process_pool(stretches: int) -> Iterator[Executor | None]:
    """As many processes as there are processors and stretches; None for one. Enter before any thread is started."""
    count = min(stretches, processors.usable())
    if count < 2:
        yield None
        return
    # Forked: a new Python would take as long as a second of video, and run the command's script again.
    with ForkedPool(count, begin=_end_with_parent) as pool:
        yield pool


def _end_with_parent() -> None:
    """Let this process end when the command is killed outright; it would wait for work without end."""
    parent = parent_process()
    assert parent

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def follow(
    clip: Clip, stretches: list[Stretch], folder: Path, pool: Executor | None, write: Callable[[list[str]], None]
) -> tuple[Array, Array]:
    """Measure all stretches; returns the (frames, 21) signals, NaN without a face, and the frames' times in s.

    ``write`` gets the table's lines in order. ``folder`` gets the lines of stretches under way, in files ``.*.rows``.
    Raises UnexpectedFrameError.
    """
    times_s, measures = [], []
    tracker: FaceTracker | None = None
    try:
        for stretch, done in zip(stretches, _all_followed(clip, stretches, folder, pool), strict=True):
            lines = done.lines()
            carried, tracker = _carried_on(clip, stretch, tracker, done)
            count = len(carried)
            write([*(row.line for row in carried), *lines[count:]])
            times_s.append(done.times_s)
            measures.append(np.array([*(row.measures for row in carried), *done.measures[count:]]))
    finally:
        for left in folder.glob(".*.rows"):
            left.unlink()
    return np.concatenate(measures), np.concatenate(times_s)


class StretchTracker:
    """Follows one face frame by frame, with the answers of `follow`; ``firsts`` are its stretches' first frames."""

    def __init__(self, firsts: Iterable[int], *, camera: Camera | None, thorough: bool) -> None:
        self._firsts = frozenset(firsts)
        self._camera, self._thorough = camera, thorough
        self._before: FaceTracker | None = None
        self._tracker = FaceTracker(camera=camera, thorough=thorough)
        self._number = 0

    def step(self, picture: Picture) -> Face | None:
        """The face in the next frame, or None."""
        self._number += 1
        if self._number in self._firsts and self._number > 1:
            self._before = self._before or self._tracker
            self._tracker = FaceTracker(camera=self._camera, thorough=self._thorough)
            self._tracker.step(picture)
        earlier, face = self._before, self._tracker.step(picture)
        if earlier is None:
            return face
        box = _box(face)
        if self._number in self._firsts and (earlier.face is None or _is_same(earlier.face, box)):
            self._before = None
            return face
        carried = earlier.step(picture)
        if _is_same(carried, box):
            self._before = None
            return face
        return carried


def _all_followed(clip: Clip, stretches: list[Stretch], folder: Path, pool: Executor | None) -> Iterator[Followed]:
    if pool is None:
        # Decoded once: what lies before a stretch has just been measured.
        frames = frames_of(clip.path, joined(stretches), clip.begin, clip.size)
        yield from (_follow(clip, stretch, islice(frames, len(stretch.stamps)), folder) for stretch in stretches)
        return
    waiting: list[Future[Followed]] = [pool.submit(follow_afresh, clip, stretch, folder) for stretch in stretches]
    try:
        for future in waiting:
            yield future.result()
    finally:
        for future in waiting:
            future.cancel()


def follow_afresh(clip: Clip, stretch: Stretch, folder: Path) -> Followed:
    """Follow the biggest face of a stretch's first frame to the stretch's end. Raises UnexpectedFrameError."""
    return _follow(clip, stretch, frames_of(clip.path, stretch, clip.begin, clip.size), folder)


def _follow(clip: Clip, stretch: Stretch, frames: Iterable[Frame], folder: Path) -> Followed:
    tracker = FaceTracker(camera=clip.camera, thorough=clip.thorough)
    rows = []
    path = folder / f".{stretch.first:09d}.rows"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, frame in enumerate(frames):
            if number == 0 and stretch.first > 1:
                tracker.step(frame.picture)
            row = _row(clip, stretch.first + number, frame, tracker.step(frame.picture))
            rows.append(row._replace(line=""))
            file.write(row.line)
            if number % _FLUSHED_ROWS == 0:
                file.flush()
    times_s, boxes, measures = (np.array([row[part] for row in rows]) for part in range(3))
    return Followed(times_s, boxes, measures, path, tracker)


def _carried_on(
    clip: Clip, stretch: Stretch, before: FaceTracker | None, afresh: Followed
) -> tuple[list[Row], FaceTracker]:
    """Follow the face from the stretch before until it is the one that was found afresh; the tracker that goes on."""
    if before is None or before.face is None or _is_same(before.face, afresh.boxes[0]):
        return [], afresh.tracker
    rows: list[Row] = []
    for number, frame in enumerate(frames_of(clip.path, stretch, clip.begin, clip.size)):
        face = before.step(frame.picture)
        if _is_same(face, afresh.boxes[number]):
            return rows, afresh.tracker
        rows.append(_row(clip, stretch.first + number, frame, face))
    return rows, before


def _box(face: Face | None) -> Array:
    return face.box if face else np.full(4, np.nan)


def _is_same(face: Face | None, box: Array) -> bool:
    if face is None or np.isnan(box).any():
        return face is None and bool(np.isnan(box).all())
    return detect.overlap(face.box, box)


def _row(clip: Clip, number: int, frame: Frame, face: Face | None) -> Row:
    """Measure a frame, and draw its crop in place of one that another face has there."""
    if clip.crops:
        clip.crops.draw(frame.picture, face, video_crop(0, number))
    streamed = columns.without_units(clip.groups)
    values = columns.video_values(number, 0, frame.time_s, face, streamed)
    line = columns.row(clip.groups, columns.cells(clip.groups, values)) + "\n"
    has_measures = face is not None and columns.AUS in clip.selection
    measures = face.au_measures if face and has_measures else action_units.NOT_MEASURED
    return Row(frame.time_s, _box(face), measures, line)
