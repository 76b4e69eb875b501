"""What the tests of the analyser share: running its commands, and making media from one portrait."""

import csv
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from openface_lite.cli import main

REPOSITORY = Path(__file__).parents[2]
BIN = REPOSITORY / "openface_lite" / "bin"
PORTRAIT = REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png"
# Real output and clips that are not part of the repository; tests that want them skip without them.
SHARED = REPOSITORY.parent / "shared"


def write_video(path: Path, frames: list[np.ndarray], fps: int = 25) -> None:
    """Encode BGR frames of one size."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "15", "threads": "1"})
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = frames[0].shape[:2]
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode())


CELL, FRAMES = (320, 180), 5
"""A cell of the meeting's grid (width, height), and its frames."""
_SIDE = 3


def meeting_of_nine(portrait: np.ndarray) -> list[np.ndarray]:
    """Frames of a meeting on 960x540: the portrait in a grid, each at another size and place, moving to the right."""
    frames = []
    for frame in range(FRAMES):
        canvas = np.full((_SIDE * CELL[1], _SIDE * CELL[0], 3), 60, np.uint8)
        for number in range(_SIDE * _SIDE):
            row, column = divmod(number, _SIDE)
            side = 150 + 3 * number
            head = cv2.resize(portrait[0:320, 60:380], (side, side), interpolation=cv2.INTER_AREA)
            top, left = row * CELL[1] + 3, column * CELL[0] + 20 + 10 * number + frame
            canvas[top : top + side, left : left + side] = head
        frames.append(canvas)
    return frames


def side_by_side(portrait: np.ndarray) -> np.ndarray:
    """The portrait twice: large on the right, smaller on the left."""
    canvas = np.full((512, 900, 3), 128, dtype=np.uint8)
    canvas[:, 388:] = portrait
    canvas[80:400, 20:340] = cv2.resize(portrait, (320, 320), interpolation=cv2.INTER_AREA)
    return canvas


@dataclass(frozen=True)
class Run:
    """One finished command."""

    exit_code: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()

    def table(self, stem: str) -> list[dict[str, str]]:
        with (self.folder / f"{stem}.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    def details(self, stem: str) -> list[str]:
        return (self.folder / f"{stem}_of_details.txt").read_text().splitlines()


def run_command(name: str, options: tuple[object, ...], folder: Path | None) -> Run:
    """Run a command in this process, where no start of a child costs more than its work. ``folder``: its -out_dir."""
    where = ["-out_dir", str(folder)] if folder else []
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([name, *map(str, options), *where])
    return Run(code, out.getvalue(), err.getvalue(), folder or Path.cwd())


def start_command(name: str, options: tuple[object, ...], cwd: Path, folder: Path | None, **environ: str) -> Run:
    """Run a command of bin/ as a child; only PATH and HOME come from the environment. ``folder``: its -out_dir."""
    where = ["-out_dir", str(folder)] if folder else []
    base = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        [str(BIN / name), *map(str, options), *where],
        cwd=cwd,
        env=base | {"OPENFACE_LITE_PYTHON": sys.executable} | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Run(done.returncode, done.stdout, done.stderr, folder or cwd)
