"""`python -m service analyse` on videos of odd clocks: each frame has one row, at its own time, by any engine."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from service.sandbox.media import MediaLimits, probe
from service.sandbox.preparation import prepare
from service.settings import REPOSITORY
from tests.conftest import ASTRONAUT
from tests.fixtures import clips
from tests.fixtures.media_made import FAKES
from tests.integration.cli.conftest import CommandLine

EVEN = [round(i * 1000 / 30) for i in range(10)]
LITE = REPOSITORY / "openface_lite" / "bin"


def analysed(path: Path, engine: Path) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Rows and manifest."""
    out = path.parent / f"out of {path.name}"
    environ = {"OPENFACE_BIN_DIR": str(engine), "WORKSPACE": str(path.parent / "workspace")}
    done = CommandLine(environ)("analyse", str(path), "--out", str(out), "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    with (out / told["csv"] if not Path(told["csv"]).is_absolute() else Path(told["csv"])).open(newline="") as file:
        return list(csv.DictReader(file)), told["manifest"]


@pytest.mark.parametrize("engine", [FAKES / "ok", LITE], ids=["counts as OpenFace does", "embedded"])
def test_a_gap_is_in_the_table_and_in_the_manifest(tmp_path: Path, engine: Path) -> None:
    times = [*EVEN, *(20_000 + time for time in EVEN)]
    rows, manifest = analysed(clips.counted(tmp_path / "paused.webm", times, codec="libvpx"), engine)
    assert [row["timestamp"] for row in rows] == [f"{time / 1000:.3f}" for time in times]
    assert [int(row["frame"]) for row in rows] == list(range(1, 21))
    assert manifest["completeness"] == {"verdict": "complete", "reason": None}
    assert manifest["frames"]["expected"] == manifest["frames"]["decoded"] == 20
    probed = manifest["media"]["probe"]
    assert (probed["variable_frame_rate"], probed["gaps"], probed["frame_rate"]) == (True, 1, 30)
    assert manifest["media"]["preparation"] == ["shown to the engine frame by frame at a nominal 30 fps"]


@pytest.mark.parametrize("engine", [FAKES / "ok", LITE], ids=["counts as OpenFace does", "embedded"])
def test_joined_takes_and_odd_pixels_are_whole(tmp_path: Path, engine: Path) -> None:
    (tmp_path / "takes").mkdir()
    first = clips.counted(tmp_path / "takes" / "a.ts", EVEN, width=48, height=36)
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() * 2)
    rows, manifest = analysed(path, engine)
    assert [float(row["timestamp"]) for row in rows] == pytest.approx([i / 30 for i in range(20)], abs=0.02)
    assert manifest["completeness"]["verdict"] == "complete"
    assert manifest["media"]["probe"]["clock_restarts"] == 1


def test_frames_lost_to_damage_make_a_table_partial(tmp_path: Path) -> None:
    whole = clips.counted(tmp_path / "a.mp4", [round(i * 1000 / 30) for i in range(30)])
    rows, manifest = analysed(clips.with_damage(whole, tmp_path / "b.mp4", [10, 11]), LITE)
    assert manifest["completeness"]["verdict"] == "partial"
    assert manifest["completeness"]["reason"] == f"{len(rows)} of 30 frames are in the table"
    assert rows[-1]["timestamp"] == "0.967"
    assert len(rows) >= 20


def test_the_embedded_engine_measures_a_turned_video_as_its_upright_copy(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    face = cv2.rotate(cv2.imread(str(ASTRONAUT)), cv2.ROTATE_90_COUNTERCLOCKWISE)
    with av.open(str(tmp_path / "plain" / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = face.shape[1], face.shape[0], "yuv420p"
        for _ in range(8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(face, "bgr24")))
        container.mux(stream.encode())
    turned = clips.turned(tmp_path / "plain" / "a.mp4", tmp_path / "turned.mp4", clips.QUARTER_CLOCKWISE)
    rows, manifest = analysed(turned, LITE)
    assert manifest["media"]["preparation"] == ["rotated 90° upright by the engine itself"]
    upright, _ = analysed(clips_upright(tmp_path, turned), LITE)
    for name in ("x_30", "y_30"):
        assert float(rows[-1][name]) == pytest.approx(float(upright[-1][name]), abs=1.5)


def clips_upright(folder: Path, turned: Path) -> Path:
    """The copy that an engine would get that does not turn videos."""
    room = folder / "room"
    room.mkdir()
    limits = MediaLimits(max_pixels=10**7, max_duration_s=60)
    copy = prepare(turned, probe(turned, "video", room, limits), room, limits).path
    return copy.rename(folder / "upright.mp4")
