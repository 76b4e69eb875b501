"""Time the engine's bare command, started as the worker starts it.

Separate because it is the yardstick: it may use nothing of the pipeline but the command line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.local.part import PartFailed
from service.engine.command import ALL_COLUMNS, EngineTask, arguments
from service.engine.environment import ENVIRONMENT
from service.engine.installed import Engine
from service.jobs.media_kind import Media

_STEM = "media"


@dataclass(frozen=True)
class BareCommand:
    """The command for one media file, with the pipeline's arguments."""

    engine: Engine
    file: Path
    media: Media

    def run(self) -> float:
        """Measure the wall seconds of one run in a fresh folder. Raises PartFailed."""
        with tempfile.TemporaryDirectory(prefix="bare-") as folder:
            out = Path(folder) / "out"
            out.mkdir()
            task = EngineTask.resolve(self.media, "wild")
            argv = arguments(self.engine, task, [self.file.resolve()], out, [_STEM])
            began = time.perf_counter()
            ended = subprocess.run(
                argv,
                cwd=folder,
                env=environment(folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            seconds = time.perf_counter() - began
            if ended.returncode or not (out / f"{_STEM}.csv").is_file():
                raise PartFailed("the bare command", f"exited with {ended.returncode} and no table", ended.stderr)
            return seconds


def bare_folders(engine: Engine, files: list[Path], folder: Path, processes: int) -> float:
    """Measure the wall seconds of several `FaceLandmarkImg -fdir` processes at once, each over its part of the files.

    Raises PartFailed.
    """
    parts = [folder / f"part-{uuid.uuid4()}" for _ in range(processes)]
    for part in parts:
        part.mkdir()
    for number, file in enumerate(files):
        os.link(file, parts[number % processes] / file.name)
    began = time.perf_counter()
    running = [
        subprocess.Popen(
            [
                str(engine.executable("FaceLandmarkImg")),
                *("-fdir", str(part), "-out_dir", str(part / "out")),
                *(*ALL_COLUMNS, "-wild", "-multi_view", "1"),
            ],
            cwd=part,
            env=environment(str(part)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for part in parts
    ]
    codes = [process.wait() for process in running]
    seconds = time.perf_counter() - began
    made = sum(len(list((part / "out").glob("*.csv"))) for part in parts)
    if any(codes) or made != len(files):
        raise PartFailed("the bare command", f"made {made} of {len(files)} tables", "")
    return seconds


def bare_videos(engine: Engine, files: list[Path], at_once: int) -> float:
    """Measure the wall seconds of one `FeatureExtraction` a file, `at_once` at a time. Raises PartFailed."""
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda file: BareCommand(engine, file, "video").run(), files))
    return time.perf_counter() - began


def environment(folder: str) -> dict[str, str]:
    """Make the environment that an engine run of the service has."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath.lstrip(":")])
    return {"PATH": path, "LANG": "C.UTF-8", "HOME": folder, "TMPDIR": folder, **threads, **ENVIRONMENT}
