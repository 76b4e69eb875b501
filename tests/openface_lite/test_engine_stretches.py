"""A video is measured in stretches, with the same numbers in one process and in several, and those of one face."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from openface_lite import analyse_video, columns, processors, stretches, videos
from openface_lite.action_units import INTENSITIES, clip_units
from openface_lite.track import FaceTracker
from tests.openface_lite.engine_runs import BIN

FPS = 4
SECONDS = 22


def write(path: Path, frames: Iterator[np.ndarray], key_every_s: int = 4) -> Path:
    """Encode BGR frames of one size with a key frame every few seconds."""
    with av.open(str(path), "w") as container:
        options = {"crf": "18", "threads": "1", "g": str(key_every_s * FPS), "sc_threshold": "0"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.pix_fmt = "yuv420p"
        first = next(frames)
        stream.height, stream.width = first.shape[:2]
        for frame in chain([first], frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def moving(portrait, tmp_path_factory) -> Path:
    def frames() -> Iterator[np.ndarray]:
        for number in range(SECONDS * FPS):
            shift = 25 * np.sin(number / 6)
            turned = cv2.getRotationMatrix2D((220, 160), 6 * np.sin(number / 5), 0.9)
            turned[0, 2] += shift - 40
            yield cv2.warpAffine(portrait, turned, (384, 352))

    return write(tmp_path_factory.mktemp("media") / "moving.mp4", frames())


@contextmanager
def on_processors(count: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def test_stretches_are_an_even_number_of_equal_shares_and_hold_every_frame(moving):
    found = stretches.cut(moving)
    assert [stretch.first for stretch in found] == [1, 23, 45, 67]
    assert [len(stretch.stamps) for stretch in found] == [22, 22, 22, 22]


@pytest.mark.parametrize(
    ("seconds", "count"), [(0.25, 1), (5.5, 1), (6, 2), (10, 2), (20, 2), (20.5, 4), (60, 6), (61, 8)]
)
def test_stretches_last_from_three_seconds_to_ten(seconds, count, tmp_path):
    grey = (np.full((64, 64, 3), 90 + number % 50, np.uint8) for number in range(round(seconds * FPS)))
    found = stretches.cut(write(tmp_path / "a.mp4", grey))
    assert len(found) == (count if count > 1 else 0)
    assert all(stretches.SHORTEST_S <= len(each.stamps) / FPS <= stretches.LONGEST_S for each in found)


def test_a_stretch_far_from_a_key_frame_begins_at_the_next_one(tmp_path):
    grey = (np.full((64, 64, 3), 90 + number % 50, np.uint8) for number in range(60 * FPS))
    found = stretches.cut(write(tmp_path / "a.mp4", grey, key_every_s=25))
    assert [(stretch.first - 1) / FPS for stretch in found] == [0, 10, 25, 35, 50]


def test_a_short_video_is_one_piece(face_clip):
    assert stretches.cut(face_clip) == []


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processors")
def test_two_processes_write_the_very_table_of_one(child, moving, tmp_path):
    tables, crops = [], []
    for count in (1, 2):
        with on_processors(count):
            run = child("FeatureExtraction", "-f", moving, *columns.COLUMN_FLAGS, "-simalign")
        assert run.exit_code == 0, run.stderr
        assert run.files == {"moving.csv", "moving_of_details.txt", "moving_aligned"}
        tables.append((run.folder / "moving.csv").read_bytes())
        crops.append({path.name: path.read_bytes() for path in (run.folder / "moving_aligned").iterdir()})
        run.folder.rename(tmp_path / f"out of {count}")
    assert tables[0] == tables[1]
    assert tables[0].count(b"\n") == SECONDS * FPS + 1
    assert crops[0] == crops[1]
    assert len(crops[0]) == SECONDS * FPS


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processors")
def test_no_process_outlives_a_command_that_is_killed(moving, tmp_path):
    argv = [BIN / "FeatureExtraction", "-f", moving, "-out_dir", tmp_path / "out"]
    environ = os.environ | {"OPENFACE_LITE_PYTHON": sys.executable}
    with subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL, start_new_session=True) as command:
        until(lambda: len(in_session(command.pid)) == 3)
        command.kill()
    until(lambda: not in_session(command.pid))


def in_session(leader: int) -> list[str]:
    """Processes of a session that are alive."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(stat.parent.name)
    return found


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def table(moving):
    return analyse_video(moving)


def test_stretches_measure_what_one_pass_measures(moving, table):
    footage = videos.open_video(moving)
    tracker = FaceTracker()
    faces, times_s = [], []
    for frame in footage.frames:
        face = tracker.step(frame.picture)
        assert face
        faces.append(face)
        times_s.append(frame.time_s)
    assert table["timestamp"].tolist() == times_s
    for axis, letter in enumerate("xy"):
        measured = np.array([table[f"{letter}_{number}"] for number in range(68)]).T
        assert np.abs(measured - [face.landmarks_2d[:, axis] for face in faces]).mean() <= 0.1
    units = clip_units(np.array([face.au_measures for face in faces]), np.array(times_s), static=False).intensities
    for number, name in enumerate(INTENSITIES):
        assert np.isnan(units[:, number]).all() or np.abs(units[:, number] - table[name]).mean() <= 0.05


def test_the_library_and_the_command_follow_alike(command, moving, table):
    rows = command("FeatureExtraction", "-f", moving).table("moving")
    assert [float(row["x_30"]) for row in rows] == pytest.approx(table["x_30"], abs=0.051)
    assert [float(row["AU12_r"]) for row in rows] == pytest.approx(table["AU12_r"], abs=0.0051)


def test_no_frame_of_a_stretch_is_lost_or_taken_twice(moving):
    whole = [frame.picture.pixels.tobytes() for frame in videos.open_video(moving).frames]
    begin = stretches.cut(moving)[0].stamps[0]
    parts = [stretches.frames_of(moving, stretch, begin, (384, 352)) for stretch in stretches.cut(moving)]
    assert [frame.picture.pixels.tobytes() for part in parts for frame in part] == whole


def test_the_face_followed_stays_the_same_where_a_stretch_would_begin_with_another(command, portrait, tmp_path):
    """The face on the right is the larger at first, and the smaller one when the second stretch begins."""

    def frames() -> Iterator[np.ndarray]:
        for number in range(13 * FPS):
            canvas = np.full((400, 700, 3), 128, np.uint8)
            right = round(380 - 200 * min(number / (9 * FPS), 1))
            canvas[20:300, 20:300] = cv2.resize(portrait, (280, 280), interpolation=cv2.INTER_AREA)
            canvas[:right, 700 - right :] = cv2.resize(portrait, (right, right), interpolation=cv2.INTER_AREA)
            yield canvas

    path = write(tmp_path / "two.mp4", frames())
    second = stretches.cut(path)[1]
    afresh = FaceTracker().step(next(iter(stretches.frames_of(path, second, 0, (700, 400)))).picture)
    assert afresh and afresh.landmarks_2d[30, 0] < 350
    rows = command("FeatureExtraction", "-f", path).table("two")
    assert min(float(row["x_30"]) for row in rows if row["success"] == "1") > 350
    # A frame that both trackers look at is turned to colours whole, and its crops differ by a hair.
    assert analyse_video(path)["x_30"] == pytest.approx([float(row["x_30"]) for row in rows], abs=0.1)


def test_a_damaged_video_is_measured_in_one_pass(command, moving, tmp_path):
    data = bytearray(moving.read_bytes())
    middle = data.index(b"mdat") + len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    rows = command("FeatureExtraction", "-f", path).table("damaged")
    footage = videos.open_video(path)
    assert [row["frame"] for row in rows] == [str(number) for number, _ in enumerate(footage.frames, start=1)]


@pytest.mark.parametrize(
    ("quota", "count"), [("200000 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("max 100000", 16), ("", 16)]
)
def test_a_containers_quota_bounds_the_processes(
    quota: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(processors, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    assert processors.usable() == count
