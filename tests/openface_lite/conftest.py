"""Fixtures of the analyser's tests. They need the real models: without them the tests skip, in CI they fail."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from openface_lite.fetch_models import missing_models
from openface_lite.model_folder import models_dir
from tests.openface_lite.engine_runs import PORTRAIT, Run, run_command, start_command, write_video


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


@pytest.fixture
def command(tmp_path, monkeypatch) -> Callable[..., Run]:
    """Run a command in a fresh folder, with a fresh -out_dir unless ``out`` is False."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *options: object, out: bool = True) -> Run:
        return run_command(name, options, tmp_path / "out" if out else None)

    return run


@pytest.fixture
def child(tmp_path) -> Callable[..., Run]:
    """Run a command as the child process that callers start; otherwise as ``command``."""

    def run(name: str, *options: object, out: bool = True, **environ: str) -> Run:
        return start_command(name, options, tmp_path, tmp_path / "out" if out else None, **environ)

    return run
