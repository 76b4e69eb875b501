"""The wheel, installed into a folder of its own, measures a picture without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from openface_lite.model_folder import models_dir

REPOSITORY = Path(__file__).resolve().parents[2]
PORTRAIT = REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    [wheel] = folder.glob("faceline-*.whl")
    # As pip would put it into a folder, in a tenth of the time; zipfile forgets who may run what.
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = Path(archive.extract(name, folder / "site"))
            path.chmod(archive.getinfo(name).external_attr >> 16 or 0o644)
    return folder / "site"


def analyse(installed, folder, **environ):
    environ |= {"PATH": os.defpath, "HOME": str(folder), "PYTHONPATH": str(installed)}
    command = [sys.executable, "-P", "-m", "service", "analyse", str(PORTRAIT), "--out", str(folder / "out")]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120)


def test_an_installed_wheel_analyses_a_picture_in_an_empty_environment(installed, tmp_path):
    done = analyse(installed, tmp_path, FACELINE_MODELS=str(models_dir()))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / PORTRAIT.name / "astronaut.csv").read_text().count("\n") == 2


def test_the_wheel_carries_pages_and_commands_and_no_networks(installed):
    assert (installed / "service" / "web" / "static").is_dir()
    assert os.access(installed / "openface_lite" / "bin" / "FaceLandmarkImg", os.X_OK)
    assert not list(installed.rglob("*.tflite"))


def test_offline_a_package_without_networks_ends_in_a_sentence_that_says_what_to_do(installed, tmp_path):
    done = analyse(installed, tmp_path, PIP_NO_INDEX="1")
    assert done.returncode == 3
    assert str(tmp_path / ".cache" / "faceline" / "models") in done.stderr
    assert "FACELINE_MODELS" in done.stderr
    assert "Traceback" not in done.stderr
