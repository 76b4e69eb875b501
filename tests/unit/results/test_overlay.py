"""The overlay: drawn where the table says, frame for frame, in a form that browsers play."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from infra.local.demo_media import make_clip
from service.cli.analyse import analyse
from service.engine.columns import IMAGE_COLUMNS
from service.engine.lite.drawing import draw
from service.engine.lite.face import FaceView
from service.results.overlay import draw_overlay
from service.sandbox.media import MediaLimits, Probe
from service.sandbox.preparation import Prepared
from tests.conftest import ASTRONAUT

LIMITS = MediaLimits(max_pixels=10**8, max_duration_s=60.0)
PROBED = Probe("image", "png", "png", 512, 512, 0, False, 1, 1)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portrait and a clip, analysed with their overlays."""
    folder = tmp_path_factory.mktemp("overlay")
    clip = folder / "in" / "clip.mp4"
    clip.parent.mkdir()
    make_clip(ASTRONAUT, clip, frames=24)
    (folder / "in" / "face.png").write_bytes(ASTRONAUT.read_bytes())
    run = CliRunner().invoke(analyse, [str(folder / "in"), "--out", str(folder / "out"), "--overlay"])
    assert run.exit_code == 0, run.output
    return folder / "out"


def _manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def _rows(folder: Path) -> list[dict[str, str]]:
    [table] = folder.glob("*.csv")
    with table.open() as file:
        return list(csv.DictReader(file))


def _frames(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="bgr24")


def test_a_picture_shows_its_landmarks(results: Path) -> None:
    folder = results / "face.png"
    assert _manifest(folder)["overlay"] == {"name": "overlay.jpg", "reason": None}
    drawn, plain = cv2.imread(str(folder / "overlay.jpg")), cv2.imread(str(ASTRONAUT))
    assert drawn.shape == plain.shape
    [row] = _rows(folder)
    greenish = 0
    for i in range(68):
        x, y = round(float(row[f"x_{i}"])), round(float(row[f"y_{i}"]))
        blue, green, red = drawn[y, x].astype(int)
        greenish += green > blue + 15 and green > red + 15
    assert greenish > 45


def test_a_video_is_drawn_frame_for_frame(results: Path) -> None:
    folder = results / "clip.mp4"
    manifest = _manifest(folder)
    assert manifest["overlay"] == {"name": "overlay.mp4", "reason": None}
    assert manifest["seconds"]["overlay"] > 0
    rows, frames = _rows(folder), list(_frames(folder / "overlay.mp4"))
    assert len(frames) == len(rows) == manifest["frames"]["written"]
    changed = [np.abs(frame.astype(int) - frames[0].astype(int)).mean() for frame in frames]
    assert max(changed) > 1, "the clip moves, and so does its overlay"
    with av.open(str(folder / "overlay.mp4")) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
    # The index comes before the frames: it plays while it loads.
    head = (folder / "overlay.mp4").read_bytes()[:4096]
    assert b"moov" in head


def _table(path: Path, *rows: dict[str, str]) -> Path:
    blank = dict.fromkeys(IMAGE_COLUMNS, "0")
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, IMAGE_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(blank | row for row in rows)
    return path


def test_without_a_face_the_picture_is_as_it_was(tmp_path: Path) -> None:
    prepared = Prepared(ASTRONAUT, PROBED, 1)
    drawn = draw_overlay("image", prepared, _table(tmp_path / "t.csv"), {}, tmp_path, LIMITS, on_wait=lambda: None)
    assert np.abs(cv2.imread(str(drawn)).astype(int) - cv2.imread(str(ASTRONAUT)).astype(int)).mean() < 3


def test_what_is_not_measured_is_not_drawn(tmp_path: Path) -> None:
    """Cells may be empty: gaze, and every action unit."""
    prepared = Prepared(ASTRONAUT, PROBED, 1)
    place = {"pose_Tz": "700", **{f"{axis}_{i}": str(100 + i) for axis in "xy" for i in range(68)}}
    empty = {name: "" for name in IMAGE_COLUMNS if name.startswith(("AU", "gaze", "eye_lmk"))}
    drawn = draw_overlay(
        "image", prepared, _table(tmp_path / "t.csv", place | empty), {}, tmp_path, LIMITS, on_wait=lambda: None
    )
    changed = np.abs(cv2.imread(str(drawn)).astype(int) - cv2.imread(str(ASTRONAUT)).astype(int)).max(axis=2) > 40
    assert changed[95:170, 95:170].any()
    assert not changed[:40, :150].any()
    assert not changed[:40, -150:].any()


def test_lines_of_sight_are_drawn_unless_an_eye_is_shut(results: Path) -> None:
    [row] = _rows(results / "face.png")
    shut = row | {f"y_{i}": row["y_36"] for i in range(36, 42)}
    views = [FaceView.of_row(each, 512, 512, {}) for each in (row, shut)]
    pictures = [draw(np.zeros((512, 512, 3), np.uint8), [view]).astype(int) for view in views]
    channels = [picture.transpose(2, 0, 1) for picture in pictures]
    # Cyan is the colour of lines of sight alone; smoothed edges make it darker.
    cyan = [((blue > 60) & (green > 60) & (red < 30) & (abs(blue - green) < 20)) for blue, green, red in channels]
    assert [bool(each.sum() > 5) for each in cyan] == [True, False]
    # Answers keep the measured gaze.
    assert len(views[1].lines_of_sight()) == 2
