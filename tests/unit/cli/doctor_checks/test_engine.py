"""Checks of the engine: its commands, its models, and a picture that it measures."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from service.cli.doctor_checks.check import Check
from service.cli.doctor_checks.engine import OPENFACE_MODELS, commands_check, models_check, probe_check
from service.engine.installed import Engine
from service.settings import REPOSITORY, Settings
from service.worker.limits import Limits
from tests.fixtures.media_made import FAKES

LITE = REPOSITORY / "openface_lite"


def _probed(engine: Engine, room: Path, **settings: str) -> Check:
    return probe_check(engine, room, Limits.of(Settings.load(settings)))


def _engine_of(bin_dir: Path, *commands: str) -> Engine:
    bin_dir.mkdir(parents=True)
    for command in commands:
        shutil.copy(FAKES / "no_face" / "FaceLandmarkImg", bin_dir / command)
    return Engine.find(bin_dir)


def test_commands_that_are_not_there(tmp_path: Path) -> None:
    one = commands_check(_engine_of(tmp_path / "one", "FaceLandmarkImg"))
    assert one.status == "failed"
    assert "without FeatureExtraction" in one.said
    two = commands_check(_engine_of(tmp_path / "two", "FaceLandmarkImg", "FeatureExtraction"))
    assert two.status == "warning"
    assert "faces=many" in two.advice
    assert "OpenFace of a version that is not stated, research-only" in two.said


@pytest.fixture
def lite(tmp_path: Path) -> Path:
    """A copy of the embedded analyser, its models linked."""
    copy = tmp_path / "openface_lite"
    shutil.copytree(LITE, copy, ignore=shutil.ignore_patterns("models", "__pycache__"))
    (copy / "models").mkdir()
    for name in Engine.find(LITE / "bin").models:
        (copy / "models" / name).symlink_to(LITE / "models" / name)
    return copy


@pytest.mark.parametrize(
    ("put", "says", "engine_says"),
    [
        (None, "missing: face_landmarks_detector.tflite", "Could not read the model"),
        (b"other", "not the ones of engine.json: ", "its SHA-256 is wrong"),
    ],
)
def test_a_model_that_is_missing_or_another(
    lite: Path, tmp_path: Path, put: bytes | None, says: str, engine_says: str
) -> None:
    model = lite / "models" / "face_landmarks_detector.tflite"
    model.unlink()
    if put:
        model.write_bytes(put)
    engine = Engine.find(lite / "bin")
    told = models_check(engine)
    assert told.status == "failed"
    assert says in told.said and "face_landmarks_detector.tflite" in told.said
    assert "fetch_models" in told.advice
    tried = _probed(engine, tmp_path)
    assert tried.status == "failed"
    assert engine_says in tried.said
    assert "install what it says is missing" in tried.advice


def test_models_that_are_nowhere_beside_the_engine_are_left_to_the_probe(lite: Path) -> None:
    shutil.rmtree(lite / "models")
    told = models_check(Engine.find(lite / "bin"))
    assert told.status == "warning"
    assert "no hash was checked" in told.said


@pytest.mark.parametrize("root", [".", "../etc/OpenFace"])
def test_openface_is_held_to_the_sizes_of_its_models(tmp_path: Path, root: str) -> None:
    engine = _engine_of(tmp_path / "bin", "FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti")
    for name, size in OPENFACE_MODELS.items():
        path = tmp_path / "bin" / root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if size:
            path.touch()
            os.truncate(path, size)
        elif path.suffix:
            path.touch()
        else:
            path.mkdir()
    told = models_check(engine)
    assert (told.status, "hashes not stated" in told.said) == ("ok", True)
    experts = tmp_path / "bin" / root / "model" / "patch_experts"
    os.truncate(experts / "cen_patches_0.25_of.dat", 1234)
    (experts / "cen_patches_1.00_of.dat").unlink()
    told = models_check(engine)
    assert told.status == "failed"
    assert "cen_patches_0.25_of.dat has 1,234 bytes instead of 60,602,360" in told.said
    assert "missing: model/patch_experts/cen_patches_1.00_of.dat" in told.said
    assert "download_models.sh" in told.advice


@pytest.mark.parametrize(
    ("behaviour", "advice"),
    [
        ("missing_model", "install what it says is missing"),
        ("crash", "read the end of its log"),
        ("hang", "ENGINE_TIME_LIMIT_S"),
        ("silent_success", "must hold the commands of OpenFace 2.x"),
        ("other_columns", "must hold the commands of OpenFace 2.x"),
    ],
)
def test_an_engine_that_fails_the_probe_picture(tmp_path: Path, behaviour: str, advice: str) -> None:
    tried = _probed(Engine.find(FAKES / behaviour), tmp_path, ENGINE_TIME_LIMIT_S="1" if behaviour == "hang" else "60")
    assert tried.status == "failed"
    assert advice in tried.advice
