"""Judge an engine by the contract of `docs/engines.md`: run its commands and check files, codes and numbers."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from service.cli.doctor_checks.check import Check, failed, ok, skipped
from service.cli.doctor_checks.engine import commands_check, models_check
from service.engine.column_meanings import meanings
from service.engine.columns import INTENSITIES, LANDMARKS_X, LANDMARKS_Y, PRESENCES
from service.engine.command import EngineTask, arguments, command_for
from service.engine.environment import ENVIRONMENT
from service.engine.failures import unreadable_picture
from service.engine.installed import Engine
from service.engine.output import read_table
from service.engine.run import EngineRun, run_engine
from service.errors import AnalysisError, EngineUnavailable
from service.sandbox.confinement import Access
from service.sandbox.process import ChildLimits, Finished, run_child
from service.worker.canary_record import PICTURE

FRAMES = 12
DOCUMENT = "docs/engines.md"

Row = dict[str, str]


class Broken(Exception):
    """The engine breaks a rule of the contract; the text says how."""


@dataclass(frozen=True)
class _File:
    path: Path
    frames_expected: int | None = None


@dataclass
class _Trial:
    """An engine on trial, with media made for it; each run has a folder of its own."""

    engine: Engine
    room: Path
    limits: ChildLimits
    runs: int = 0
    media: dict[str, Path] = field(default_factory=dict)

    def folder(self) -> Path:
        self.runs += 1
        folder = self.room / f"run-{self.runs}"
        folder.mkdir()
        return folder

    def run(self, task: EngineTask, media: Path) -> EngineRun:
        return run_engine(self.engine, task, _File(media), self.folder(), self.limits)

    def rows(self, task: EngineTask, media: Path) -> list[Row]:
        """Measure one file; return its rows, checked against the columns. Raises AnalysisError."""
        run = self.run(task, media)
        table = read_table(task, run, run.out_dir / "published.csv")
        return _rows(table.path)

    def batch(self, pictures: Sequence[Path]) -> tuple[Finished, list[list[Row] | None]]:
        """Measure pictures in one process; return how it ended and the rows of each, None without a table."""
        folder = self.folder()
        out = folder / "out"
        out.mkdir()
        stems = [f"item-{number:03d}" for number in range(len(pictures))]
        argv = arguments(self.engine, POSED, pictures, out, stems)
        access = Access(reads=tuple(pictures))
        finished = run_child(argv, cwd=folder, log_dir=folder, limits=self.limits, env=ENVIRONMENT, access=access)
        tables = [out / f"{stem}.csv" for stem in stems]
        return finished, [_rows(table) if table.is_file() else None for table in tables]

    def has(self, task: EngineTask) -> bool:
        return command_for(task) in self.engine.commands


POSED, WILD = EngineTask.resolve("image", "posed"), EngineTask.resolve("image", "wild")
VIDEO = EngineTask.resolve("video", "posed")
STATIC = EngineTask.resolve("video", "wild", {"au": "static"})
MANY = EngineTask.resolve("video", "posed", {"faces": "many"})


def contract_checks(bin_dir: Path, room: Path, limits: ChildLimits) -> Iterator[Check]:
    """Judge the engine in a folder, rule by rule; the last line is the score."""
    try:
        engine = Engine.find(bin_dir)
    except EngineUnavailable as error:
        yield failed("engine", error.message, f"see {DOCUMENT}, The folder")
        return
    yield commands_check(engine)
    yield models_check(engine)
    trial = _Trial(engine, room, limits, media=_media(room))
    verdicts = []
    for name, task, rule in RULES:
        verdict = _judge(name, trial, task, rule) if trial.has(task) else skipped(name, f"no {command_for(task)} here")
        verdicts.append(verdict.status)
        yield verdict
    passed, judged = verdicts.count("ok"), len(verdicts) - verdicts.count("skipped")
    said = f"{passed} of {judged} rules kept" + f", {verdicts.count('skipped')} not judged" * ("skipped" in verdicts)
    yield ok("score", said) if passed == judged else failed("score", said, f"the rules are in {DOCUMENT}")


def _judge(name: str, trial: _Trial, task: EngineTask, rule: Callable[[_Trial, EngineTask], str]) -> Check:
    began = time.monotonic()
    try:
        said = rule(trial, task)
    except (Broken, AnalysisError) as error:
        return failed(name, str(error), f"see {DOCUMENT}")
    except (ValueError, LookupError) as error:
        return failed(name, f"a cell or row that a rule needs is not there: {error!r}", f"see {DOCUMENT}")
    return ok(name, said, seconds=time.monotonic() - began)


def _one_face(trial: _Trial, task: EngineTask) -> str:
    rows = trial.rows(task, trial.media["face"])
    if len(rows) != 1:
        raise Broken(f"the reference picture shows one face; the table has {len(rows)} rows")
    _check_ranges(rows, task)
    _check_landmarks(rows[0])
    return f"one row of {len(rows[0])} columns, landmarks on the face"


def _no_face(trial: _Trial, task: EngineTask) -> str:
    rows = trial.rows(task, trial.media["grey"])
    if rows:
        raise Broken(f"a grey picture has {len(rows)} rows")
    return "no rows; the details file says that it was looked at"


def _repeated(trial: _Trial, task: EngineTask) -> str:
    first, second = (trial.rows(task, trial.media["face"]) for _ in range(2))
    if first != second:
        raise Broken("the same picture twice gives other numbers")
    return "the same picture twice gives the same table"


def _two_in_a_run(trial: _Trial, task: EngineTask) -> str:
    alone = trial.rows(task, trial.media["face"])
    finished, tables = trial.batch([trial.media["face"], trial.media["grey"], trial.media["face"]])
    if finished.returncode:
        raise Broken(f"three pictures in one run: exit code {finished.returncode}\n{finished.tail()}")
    if tables[0] != alone or tables[2] != alone or tables[1]:
        raise Broken("pictures in one run have other numbers than alone, or another's files")
    return "each picture has its own files, with the numbers of a run alone"


def _unreadable(trial: _Trial, task: EngineTask) -> str:
    pictures = [trial.media["face"], trial.media["text"], trial.media["face"]]
    finished, tables = trial.batch(pictures)
    if not finished.returncode:
        raise Broken("an unreadable picture in a run: exit code 0")
    if not tables[0] or tables[1]:
        raise Broken("an unreadable picture in a run: the one before it is not whole, or it has a table itself")
    if unreadable_picture(finished) != pictures[1]:
        raise Broken(f"the output must end with `Could not open the image: {pictures[1].name}` (the path as given)")
    return "the run ends there, names it, and leaves the one before it whole"


def _unreadable_alone(trial: _Trial, task: EngineTask) -> str:
    run = trial.run(task, trial.media["text"])
    if (run.out_dir / f"{run.stem}.csv").exists():
        raise Broken("a file that is no picture has a table")
    if run.finished.returncode == 0 and (run.out_dir / f"{run.stem}_of_details.txt").exists():
        raise Broken("a file that is no picture ends with exit code 0 and a details file, which means: no face")
    return f"exit code {run.finished.returncode} and no table"


def _video(trial: _Trial, task: EngineTask) -> str:
    rows = trial.rows(task, trial.media["clip"])
    frames = [int(float(row["frame"])) for row in rows]
    if frames != list(range(1, FRAMES + 1)):
        raise Broken(f"a clip of {FRAMES} frames has rows for the frames {frames}")
    times = [float(row["timestamp"]) for row in rows]
    if times != sorted(times) or times[0] != 0:
        raise Broken("timestamps must begin at 0 and grow")
    tracked = [row for row in rows if float(row["success"]) == 1]
    if len(tracked) < FRAMES // 2:
        raise Broken(f"the face is tracked in {len(tracked)} of {FRAMES} frames")
    _check_ranges(tracked, task)
    _check_landmarks(tracked[-1])
    return f"a row for each of {FRAMES} frames, tracked in {len(tracked)}"


def _video_without_face(trial: _Trial, task: EngineTask) -> str:
    rows = trial.rows(task, trial.media["grey clip"])
    if any(float(row["success"]) for row in rows):
        raise Broken("a grey clip has rows with success 1")
    if len(rows) not in {0, FRAMES}:
        raise Broken(f"a grey clip of {FRAMES} frames has {len(rows)} rows")
    return f"{len(rows)} rows, none with success 1"


def _many(trial: _Trial, task: EngineTask) -> str:
    rows = trial.rows(task, trial.media["clip"])
    if not rows:
        raise Broken("the clip shows one face; the table is empty")
    _check_ranges([row for row in rows if float(row["success"]) == 1], task)
    return f"{len(rows)} rows of {len({row['face_id'] for row in rows})} face"


def _support(trial: _Trial, task: EngineTask) -> str:
    row = trial.rows(task, trial.media["face"])[0]
    support = trial.engine.au_support
    unstated = [name for name in INTENSITIES + PRESENCES if support and name not in support]
    if unstated:
        raise Broken(f"engine.json states no au_support for {', '.join(unstated[:5])}")
    filled = [name for name, level in support.items() if level == "not_estimable" and row[name].strip()]
    if filled:
        raise Broken(f"not estimable, and yet with a value: {', '.join(filled[:5])}; leave the cells empty")
    empty = [name for name, level in support.items() if level == "supported" and not row[name].strip()]
    if empty:
        raise Broken(f"supported, and yet empty: {', '.join(empty[:5])}")
    if any(row[name].strip() for name in INTENSITIES) and not any(float(row[name] or 0) for name in INTENSITIES):
        raise Broken("every intensity of a smiling face is 0")
    return "values where there is support, empty cells where there is none"


RULES: tuple[tuple[str, EngineTask, Callable[[_Trial, EngineTask], str]], ...] = (
    ("picture with a face", POSED, _one_face),
    ("picture, -wild", WILD, _one_face),
    ("picture without a face", POSED, _no_face),
    ("same picture again", POSED, _repeated),
    ("pictures in one run", POSED, _two_in_a_run),
    ("unreadable in a run", POSED, _unreadable),
    ("unreadable alone", POSED, _unreadable_alone),
    ("support of action units", POSED, _support),
    ("video with a face", VIDEO, _video),
    ("video, static AUs, -wild", STATIC, _video),
    ("video without a face", VIDEO, _video_without_face),
    ("video with many faces", MANY, _many),
)
"""The rules: a name, the command line that it is about, and the function that judges it."""


def _check_ranges(rows: Sequence[Row], task: EngineTask) -> None:
    for column in meanings(task.media):
        for row in rows:
            cell = row[column.name].strip()
            if not cell:
                continue
            value = float(cell)
            is_within = (column.low is None or value >= column.low) and (column.high is None or value <= column.high)
            if not math.isfinite(value) or not is_within:
                raise Broken(f"{column.name} is {cell}; its range is {column.low} to {column.high}")


def _check_landmarks(row: Row) -> None:
    height, width = _face().shape[:2]
    for names, size in ((LANDMARKS_X, width), (LANDMARKS_Y, height)):
        values = [float(row[name]) for name in names]
        if not (0 <= min(values) < max(values) <= size and max(values) - min(values) > size / 8):
            raise Broken(f"landmarks from {min(values):.0f} to {max(values):.0f} px in a picture of {size} px")


def _rows(table: Path) -> list[Row]:
    with table.open(newline="", encoding="utf-8") as file:
        return [
            {name.strip(): cell for name, cell in row.items()} for row in csv.DictReader(file, skipinitialspace=True)
        ]


def _face() -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(PICTURE)), dtype=np.uint8)


def _media(room: Path) -> dict[str, Path]:
    """Make the media of the trial; names with a blank and a letter beyond ASCII, as users have them."""
    folder = room / "trial médiä"
    folder.mkdir()
    face = _face()
    grey = np.full_like(face, 128)
    files = {name: folder / f"{name}.png" for name in ("face", "grey", "text")}
    files["face"].write_bytes(PICTURE.read_bytes())
    files["grey"].write_bytes(cv2.imencode(".png", grey)[1].tobytes())
    files["text"].write_text("This is no picture.")
    for name, picture in (("clip", face), ("grey clip", grey)):
        files[name] = folder / f"{name}.mp4"
        with av.open(str(files[name]), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width = picture.shape[:2]
            stream.pix_fmt = "yuv420p"
            for _ in range(FRAMES):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            container.mux(stream.encode())
    return files
