"""The embedded analyser against its own tables: the benchmark of fidelity finds no difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from infra.local import demo_media
from infra.local.demo import PORTRAIT
from infra.local.stack import REPOSITORY
from tests.unit.benchmarks.test_fidelity import RunOutput


def test_an_engine_agrees_with_itself(tmp_path: Path) -> None:
    """The embedded analyser's own tables as the reference: a clip, one face, two faces, none."""
    folder = tmp_path / "media"
    folder.mkdir()
    portrait = cv2.imread(str(PORTRAIT))
    assert portrait is not None
    small = cv2.resize(portrait, (300, 300), interpolation=cv2.INTER_AREA)
    cv2.imwrite(
        str(folder / "two.png"), np.hstack([np.vstack([small, np.full((212, 300, 3), 90, np.uint8)]), portrait])
    )
    cv2.imwrite(str(folder / "none.png"), np.full((240, 320, 3), 90, np.uint8))
    with av.open(str(folder / "clip.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=15)
        (stream.width, stream.height), stream.pix_fmt = demo_media.SIZE, "yuv420p"
        for number in range(0, demo_media.FRAMES, 8):
            frame = demo_media.draw_frame(np.asarray(portrait[0:360, 60:420], np.uint8), number)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        file.mux(stream.encode())
    commands = REPOSITORY / "openface_lite" / "bin"
    environ = {**os.environ, "OPENFACE_LITE_PYTHON": sys.executable}
    for command, names in {"FeatureExtraction": ["clip.mp4"], "FaceLandmarkImg": ["two.png", "none.png"]}.items():
        files = [part for name in names for part in ("-f", str(folder / name))]
        argv = [str(commands / command), *files, "-out_dir", str(folder)]
        subprocess.run(argv, env=environ, capture_output=True, timeout=60, check=True)

    json_file = tmp_path / "figures.json"
    argv = [sys.executable, "-m", "benchmarks.fidelity", str(folder), "--json", str(json_file)]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    told = RunOutput(done.stdout, json.loads(json_file.read_text()))
    assert told.figures["engine"]["name"] == "openface_lite"
    assert told.frames()["frames"] == 15 and told.frames()["success_agreement"] == 1
    # The face is away for a while.
    assert 0 < told.frames()["neither"] < 5
    assert told.frames("pictures") | {"both": 1, "neither": 1, "faces_compared": 2} == told.frames("pictures")
    for kind, agreement in told.figures["agreement"].items():
        for figure in agreement["errors"]:
            assert figure["n"] == agreement["frames"]["faces_compared"], figure
            assert figure["mean"] == figure["worst"] == 0, figure
        for unit in agreement["action_units"]:
            assert unit["mae"] in (0, None)
            assert unit["r"] is None or unit["r"] == pytest.approx(1), (kind, unit)
    assert told.unit("AU01")["r"] == pytest.approx(1)
    assert told.verdict("landmarks", "all 68") == told.verdict("head pose", "yaw", "pictures") == "met"
