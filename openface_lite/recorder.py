"""Write one input's output files as OpenFace does: the CSV, lazily, and the details file."""

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TextIO

import cv2
import numpy as np

from openface_lite import columns
from openface_lite.action_units import ClipUnits
from openface_lite.aligned import aligned_face
from openface_lite.face import Face
from openface_lite.pictures import Picture
from openface_lite.pose import Camera

_DETAIL_NAMES = {
    columns.GAZE: "Gaze",
    columns.AUS: "AUs",
    columns.LANDMARKS_2D: "Landmarks 2D",
    columns.LANDMARKS_3D: "Landmarks 3D",
    columns.POSE: "Pose",
    columns.SHAPE: "Shape parameters",
}

_FLUSH_INTERVAL_S = 0.5


class OutputError(Exception):
    """An output file or folder cannot be written; the text is what OpenFace would print."""


class Job(NamedTuple):
    """What one recorder writes: where, about which input, and which groups of columns."""

    folder: Path
    stem: str
    source: str
    camera: Camera
    groups: tuple[columns.Group, ...]
    selection: frozenset[str]
    # Lines added at the end of the details file: who measured, and what it cannot measure.
    remarks: tuple[str, ...] = ()
    # Format of the aligned crops; None for none.
    aligned: str | None = None


class Crops(NamedTuple):
    """Where aligned crops go, and their format."""

    folder: Path
    format: str

    def draw(self, picture: Picture, face: Face | None, name: str) -> None:
        """Write the crop of a face; one that is there already is replaced, or deleted for no face.

        Raises OutputError.
        """
        path = self.folder / f"{name}.{self.format}"
        try:
            if face is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(cv2.imencode(path.suffix, aligned_face(picture, face))[1].tobytes())
        except OSError as error:
            raise OutputError(f"ERROR: Could not write to: {self.folder} ({error.strerror})") from error


class Recorder:
    """The output of one input. Use as a context manager; raises OutputError."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._csv_path = job.folder / f"{job.stem}.csv"
        self._csv: TextIO | None = None
        self._flushed_s = 0.0
        self._details = self._open_details()

    @property
    def crops(self) -> Crops | None:
        """The aligned crops; None where none are asked for."""
        job = self._job
        return None if job.aligned is None else Crops(job.folder / f"{job.stem}_aligned", job.aligned)

    @property
    def source(self) -> str:
        """The input, as it was named."""
        return self._job.source

    @property
    def folder(self) -> Path:
        """Where the files are written."""
        return self._job.folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, values: Mapping[str, columns.Cells]) -> None:
        """Append one row. Rows are on disk within half a second: progress is read off the growing file."""
        groups = self._job.groups
        self.write_lines([columns.row(groups, columns.cells(groups, values)) + "\n"])

    def write_lines(self, lines: Iterable[str]) -> None:
        """Append rows that are text already, each with its line end."""
        if self._csv is None:
            self._csv = self._start_csv()
        self._csv.writelines(lines)
        now = time.monotonic()
        if now - self._flushed_s >= _FLUSH_INTERVAL_S:
            self._csv.flush()
            self._flushed_s = now

    def start_again(self) -> None:
        """Drop the rows written so far."""
        if self._csv is not None:
            self._csv.seek(0)
            self._csv.truncate()
            self._csv.write(columns.header(self._job.groups) + "\n")

    def draw(self, picture: Picture, face: Face, name: str) -> None:
        """Write the aligned crop of a face, if crops are asked for."""
        if self.crops:
            self.crops.draw(picture, face, name)

    def close(self) -> None:
        """Finish both files; harmless when repeated."""
        if self._csv is not None:
            self._csv.close()
        if not self._details.closed:
            self._details.writelines(line + "\n" for line in self._job.remarks)
            self._details.close()

    def rewrite_action_units(self, final: ClipUnits) -> None:
        """Replace the action units of a closed CSV by the final ones, all at once or not at all."""
        part = self._csv_path.with_name(f".{self._csv_path.name}.part")
        try:
            with self._csv_path.open(encoding="utf-8") as old, _open_for_writing(part) as new:
                new.writelines(self._with_action_units(old, final))
            part.replace(self._csv_path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise OutputError("The output CSV file is not open, exiting") from error

    def _with_action_units(self, lines: Iterable[str], final: ClipUnits) -> Iterator[str]:
        """The lines with other cells from the first intensity to the last presence, which end each line."""
        groups = tuple(group for group in self._job.groups if group.key in ("au_r", "au_c"))
        first = columns.place_of("au_r", self._job.groups).start
        cells = columns.place_of("au_c", self._job.groups).stop - first
        rows = iter(lines)
        yield next(rows)
        for line, numbers in zip(rows, np.hstack([final.intensities, final.presences]), strict=True):
            before = line.rstrip("\n").rsplit(",", cells)[0]
            yield f"{before},{columns.row(groups, numbers)}\n"

    def _open_details(self) -> TextIO:
        job = self._job
        path = job.folder / f"{job.stem}_of_details.txt"
        camera = ",".join(f"{v:g}" for v in (job.camera.fx, job.camera.fy, job.camera.cx, job.camera.cy))
        try:
            job.folder.mkdir(parents=True, exist_ok=True)
            details = _open_for_writing(path)
        except OSError as error:
            raise OutputError(f"ERROR: Could not open the output file: {path} ({error.strerror})") from error
        details.write(f"Input:{job.source}\nInput full path:{Path(job.source).absolute()}\n")
        details.write(f"Camera parameters:{camera}\n")
        if self.crops:
            self.crops.folder.mkdir(exist_ok=True)
            details.write(f"Output aligned directory:{self.crops.folder.name}\n")
        details.flush()
        return details

    def _start_csv(self) -> TextIO:
        try:
            csv = _open_for_writing(self._csv_path)
        except OSError as error:
            raise OutputError("The output CSV file is not open, exiting") from error
        csv.write(columns.header(self._job.groups) + "\n")
        # Only now: a details file without these lines says that nothing was ever observed.
        self._details.write(f"Output csv:{self._csv_path.name}\n")
        for flag, name in _DETAIL_NAMES.items():
            self._details.write(f"{name}: {int(flag in self._job.selection)}\n")
        self._details.flush()
        return csv


def _open_for_writing(path: Path) -> TextIO:
    # Names may hold bytes that are no UTF-8: they are written back as they came.
    return path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n")


def video_crop(face_id: int, number: int) -> str:
    """The name of the crop of a face in the frame with this number, counted from 1, without its suffix."""
    return f"frame_det_{face_id:02}_{number:06}"
