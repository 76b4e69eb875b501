"""Real models, the real commands in a child process, and media made from one portrait."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from openface_lite.fetch_models import missing_models
from openface_lite.models import models_dir

REPOSITORY = Path(__file__).parents[2]
BIN = REPOSITORY / "openface_lite" / "bin"
PORTRAIT = REPOSITORY / "tests" / "media" / "astronaut.png"


@pytest.fixture(scope="session", autouse=True)
def _models():
    missing = missing_models(models_dir())
    if missing:
        reason = f"models are missing ({', '.join(missing)}): run python -m openface_lite.fetch_models"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """One face, a little right of upright, (512, 512, 3) BGR."""
    return cv2.imread(str(PORTRAIT))


@pytest.fixture(scope="session")
def face_clip(portrait, tmp_path_factory) -> Path:
    """14 frames at 25 a second: 5 with a face, 4 without, 5 with it a little further to the right."""
    path = tmp_path_factory.mktemp("media") / "face clip.v1.mp4"
    face = portrait[0:320, 60:380]
    moved = portrait[0:320, 40:360]
    write_video(path, [face] * 5 + [np.full_like(face, 90)] * 4 + [moved] * 5)
    return path


def write_video(path: Path, frames: Iterable[np.ndarray], fps: int = 25) -> None:
    """Encode BGR frames of one size."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "15", "threads": "1"})
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode())


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


Command = Callable[..., Run]


@pytest.fixture
def command(tmp_path) -> Command:
    """Run a command of bin/ with a fresh -out_dir; only PATH and HOME come from the environment."""

    def run(name: str, *options: object, cwd: Path = tmp_path, out: bool = True, **environ: str) -> Run:
        folder = tmp_path / "out"
        where = ["-out_dir", str(folder)] if out else []
        base = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        done = subprocess.run(
            [str(BIN / name), *map(str, options), *where],
            cwd=cwd,
            env=base | {"OPENFACE_LITE_PYTHON": sys.executable} | environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Run(done.returncode, done.stdout, done.stderr, folder)

    return run
