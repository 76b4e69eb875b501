"""Finding the engine, and the errors where it is absent or badly described."""

import hashlib
import json
from pathlib import Path

import pytest

from service.engine.installed import Engine
from service.errors import BadRequest, EngineUnavailable

LABEL = {
    "name": "lite",
    "version": "1.2",
    "commit": None,
    "licence_class": "permissive",
    "models": {"a.tflite": "00ff"},
    "au_support": {"AU04_r": "not_estimable"},
    "commands": ["FaceLandmarkImg"],
}


def install(folder: Path, *commands: str, label: object = None) -> Path:
    folder.mkdir()
    for command in commands:
        (folder / command).write_text("#!/bin/sh\n")
        (folder / command).chmod(0o755)
    if label is not None:
        (folder / "engine.json").write_text(label if isinstance(label, str) else json.dumps(label))
    return folder


def test_an_engine_without_label_is_openface_by_its_hash(tmp_path):
    engine = Engine.find(install(tmp_path / "bin", "FaceLandmarkImg", "FeatureExtraction"))
    assert (engine.name, engine.version, engine.commit) == ("OpenFace", None, None)
    assert engine.licence_class == "research-only"
    assert engine.commands == ("FaceLandmarkImg", "FeatureExtraction")
    assert engine.binary_sha256["FaceLandmarkImg"] == hashlib.sha256(b"#!/bin/sh\n").hexdigest()


def test_the_label_describes_the_engine(tmp_path):
    engine = Engine.find(install(tmp_path / "bin", "FaceLandmarkImg", label=LABEL))
    assert (engine.name, engine.version, engine.licence_class) == ("lite", "1.2", "permissive")
    assert engine.models == {"a.tflite": "00ff"}
    assert engine.au_support == {"AU04_r": "not_estimable"}
    assert engine.executable("FaceLandmarkImg") == engine.bin_dir / "FaceLandmarkImg"


def test_a_missing_command_is_a_final_error(tmp_path):
    engine = Engine.find(install(tmp_path / "bin", "FaceLandmarkImg", label=LABEL))
    with pytest.raises(BadRequest, match="FaceLandmarkVidMulti") as caught:
        engine.executable("FaceLandmarkVidMulti")
    assert caught.value.code == "option_unavailable"
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "label",
    [
        "not json",
        "[]",
        "{}",
        LABEL | {"licence_class": "free"},
        LABEL | {"au_support": {"AU04_r": "perhaps"}},
        LABEL | {"models": 3},
        LABEL | {"commands": ["FaceLandmarkImg", "FeatureExtraction"]},
    ],
)
def test_a_bad_label_is_refused_before_any_work(tmp_path, label):
    with pytest.raises(EngineUnavailable, match=r"engine\.json"):
        Engine.find(install(tmp_path / "bin", "FaceLandmarkImg", label=label))


def test_a_missing_engine_names_the_setting(tmp_path):
    with pytest.raises(EngineUnavailable, match="OPENFACE_BIN_DIR"):
        Engine.find(tmp_path / "nowhere")
    (install(tmp_path / "bin", "FaceLandmarkImg") / "FaceLandmarkImg").chmod(0o644)
    with pytest.raises(EngineUnavailable, match="executable"):
        Engine.find(tmp_path / "bin")
