"""Read the files that an engine run left as a result; the files decide, never the exit code alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.engine.camera import Camera
from service.engine.columns import LANDMARKS_X, LANDMARKS_Y, VIDEO_HEAD, columns_for
from service.engine.command import EngineTask
from service.engine.csv_blocks import Block, blocks, check_header, header_line, with_times
from service.engine.failures import failure
from service.engine.hashed_file import HashedFile
from service.engine.run import EngineRun
from service.engine.running_stats import RunningMeasures
from service.engine.table import Table
from service.errors import MalformedOutput
from service.jobs.media_kind import Media

CAMERA_DIGITS = 1e-4
"""Relative difference that counts as the same camera: OpenFace writes six digits."""
FRAME, FACE_ID, SUCCESS = (VIDEO_HEAD.index(name) for name in ("frame", "face_id", "success"))


def read_table(task: EngineTask, run: EngineRun, publish_as: Path, times: Sequence[float] | None = None) -> Table:
    """Check the table that a run left, and write the one that is published.

    Without a table, "no face" is believed only if the engine ended well and left its details file.

    Args:
        publish_as: path of the new CSV: bare commas, LF, values verbatim but for `timestamp`.
        times: presentation time of each frame of a video in seconds; None leaves the engine's own.

    Raises:
        EngineCrashed: it was killed or ended with an error, whatever it wrote before: the action units of an
            unfinished table are raw.
        EngineUnavailable, UnreadableMedia: its log says that models, or the media, could not be read.
        NoOutput: it ended well and left nothing.
        MalformedOutput: its table is not OpenFace 2.x's, or is torn; or it took another camera than it was given.
    """
    if run.finished.returncode != 0:
        raise failure(run.finished, run.log_tail)
    if task.camera:
        _check_camera(run.out_dir / f"{run.stem}_of_details.txt", task.camera)
    csv = run.out_dir / f"{run.stem}.csv"
    if csv.is_file():
        return _rewrite(task, csv, publish_as, times)
    if _found_no_face(run.out_dir / f"{run.stem}_of_details.txt"):
        return write_table(task.media, (), publish_as)
    raise failure(run.finished, run.log_tail)


def _found_no_face(details: Path) -> bool:
    # OpenFace starts this file with every input, and adds the line with the first observation.
    try:
        lines = details.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return bool(lines) and not any(line.startswith("Output csv") for line in lines)


def _check_camera(details: Path, camera: Camera) -> None:
    """Compare the camera with the one that the engine states: engines ignore options that they do not know."""
    try:
        lines = details.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    stated = next((line.partition(":")[2] for line in lines if line.startswith("Camera parameters:")), "")
    wanted = (camera.fx, camera.fy, camera.cx, camera.cy)
    try:
        same = np.allclose([float(number) for number in stated.split(",")], wanted, rtol=CAMERA_DIGITS, atol=0.01)
    except ValueError:
        same = False
    if not same:
        raise MalformedOutput(f"the engine did not take the camera that it was given, it states {stated[:80]!r}")


def _rewrite(task: EngineTask, csv: Path, publish_as: Path, times: Sequence[float] | None) -> Table:
    columns = columns_for(task.media)
    with csv.open("rb") as file:
        check_header(file, columns)
        found: Iterable[Block] = blocks(file, columns)
        if task.media == "image" and task.options.faces == "one":
            found = _biggest_face(found, columns)
        if task.media == "video" and times is not None:
            found = with_times(found, columns, times)
        return write_table(task.media, found, publish_as)


def write_table(media: Media, found: Iterable[Block], publish_as: Path) -> Table:
    """Write checked rows as a table, and collect the facts about it."""
    columns = columns_for(media)
    measures, frames = RunningMeasures(columns), _Frames()
    rows = 0
    with publish_as.open("wb") as file:
        out = HashedFile(file)
        out.write(header_line(columns))
        for block in found:
            out.write(block.lines)
            rows += len(block.values)
            measures.add(block.values)
            if media == "video":
                frames.add(block.values)
    video = media == "video"
    return Table(
        path=publish_as,
        rows=rows,
        columns=len(columns),
        sha256=out.sha256,
        bytes=out.bytes,
        faces=len(frames.faces) if video else rows,
        frames_written=frames.written if video else None,
        frames_success=frames.success if video else None,
        last_frame=frames.last if video else None,
        measures=measures.result(),
        most_at_once=frames.most_at_once,
        last_face_id=frames.last_face_id,
    )


class _Frames:
    """Counts the frames and faces of a video's table; a frame may have several rows, one a face."""

    def __init__(self) -> None:
        self._written: list[NDArray[np.int64]] = []
        self._success: list[NDArray[np.int64]] = []
        self.faces: set[int] = set()
        self.most_at_once = 0
        self.last_face_id = -1
        self._open = (0, 0)

    def add(self, values: NDArray[np.float64]) -> None:
        numbers = values[:, [FRAME, FACE_ID]]
        if not np.isfinite(numbers).all() or (np.abs(numbers) > 2**53).any():
            raise MalformedOutput("the table has a row without a frame number or face number")
        frame, face = numbers.astype(np.int64).T
        self.last_face_id = max(self.last_face_id, int(face.max(initial=-1)))
        success = values[:, SUCCESS] == 1
        self._written.append(np.unique(frame))
        self._success.append(np.unique(frame[success]))
        self.faces.update(np.unique(face[success]).tolist())
        self._count_at_once(frame[success])

    def _count_at_once(self, frames: NDArray[np.int64]) -> None:
        """Count the rows of each frame, whose rows may go on in the next block."""
        for frame, count in zip(*(part.tolist() for part in np.unique(frames, return_counts=True)), strict=True):
            before = self._open[1] if self._open[0] == frame else 0
            self._open = (frame, before + count)
            self.most_at_once = max(self.most_at_once, before + count)

    @property
    def written(self) -> int:
        return _distinct(self._written)

    @property
    def success(self) -> int:
        return _distinct(self._success)

    @property
    def last(self) -> int:
        return max((int(part.max()) for part in self._written if part.size), default=0)


def _distinct(parts: list[NDArray[np.int64]]) -> int:
    return int(np.unique(np.concatenate(parts)).size) if parts else 0


def _biggest_face(found: Iterable[Block], columns: Sequence[str]) -> Iterator[Block]:
    """Keep the row with the largest box around its landmarks; between equals the higher confidence decides.

    OpenFace writes faces in the order of its detector, which means nothing.
    """
    place = {name: i for i, name in enumerate(columns)}
    xs, ys = [place[name] for name in LANDMARKS_X], [place[name] for name in LANDMARKS_Y]
    best: tuple[tuple[float, float], Block] | None = None
    for block in found:
        for line, values in zip(block.lines.splitlines(keepends=True), block.values, strict=True):
            rank = (
                _extent(values[xs]) * _extent(values[ys]),
                float(np.nan_to_num(values[place["confidence"]])),
            )
            if best is None or rank > best[0]:
                best = rank, Block(line, values[np.newaxis])
    if best:
        yield best[1]


def _extent(points: NDArray[np.float64]) -> float:
    # Landmarks that were not measured make a box of no size.
    finite = points[np.isfinite(points)]
    return float(np.ptp(finite)) if finite.size else 0.0
