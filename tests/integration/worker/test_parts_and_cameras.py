"""A part of a file has the numbers of the whole; a camera changes what rests on it: by the embedded engine."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from service import wiring
from service.jobs.media_files import find_media, find_sequences
from service.results.collect.columns import Layout
from service.results.collect.join import Collector
from service.results.collect.sources import CollectedResult, from_files, manifests_in
from service.settings import REPOSITORY, Settings
from service.worker.local_run import Done, LocalRun
from tests.conftest import ASTRONAUT
from tests.fixtures import clips

WIDTH, HEIGHT = 640, 480
TIMES_MS = [0, 33, 67, 100, 133, 167, 400, 433, 467, 500]
"""With a gap after the sixth frame."""
MOVES_PX = 6

Row = dict[str, float]
Measure = Callable[..., tuple[list[Row], dict[str, Any]]]


def frame(number: int) -> np.ndarray:
    """The portrait in a larger picture, a little further to the right in each frame."""
    portrait = cv2.resize(cv2.imread(str(ASTRONAUT)), (320, 320), interpolation=cv2.INTER_AREA)
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    left = 200 + MOVES_PX * number
    picture[100:420, left : left + 320] = portrait
    return picture


def film(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"bf": "0", "crf": "8"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = clips.Fraction(1, 1000)
        for number, time_ms in enumerate(TIMES_MS):
            shown = av.VideoFrame.from_ndarray(frame(number), "bgr24")
            shown.pts, shown.time_base = time_ms, clips.Fraction(1, 1000)
            container.mux(stream.encode(shown))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    film(folder / "film.mp4")
    photo = Image.fromarray(frame(0)[:, :, ::-1])
    photo.save(folder / "photo.png")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 50
    photo.save(folder / "by lens.jpg", exif=exif, quality=98)
    return folder


@pytest.fixture(scope="module")
def engine_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    work = tmp_path_factory.mktemp("work")
    return Settings.load({"OPENFACE_BIN_DIR": str(REPOSITORY / "openface_lite" / "bin"), "WORKSPACE": str(work)})


@pytest.fixture(scope="module")
def run(media: Path, engine_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Done]:
    room = tmp_path_factory.mktemp("room")

    def analyse(name: str, **options: str) -> Done:
        out = room / f"{name} {sorted(options.items())}".replace("/", "_")
        with wiring.local_pipeline(engine_settings, media, out) as pipeline:
            [done] = LocalRun(pipeline, out, "posed", options).analyse(
                find_media([media / name]).files, lambda file, stage, progress: None
            )
        return done

    return analyse


@pytest.fixture(scope="module")
def measure(run: Callable[..., Done]) -> Measure:
    known: dict[str, tuple[list[Row], dict[str, Any]]] = {}

    def measured(name: str, **options: str) -> tuple[list[Row], dict[str, Any]]:
        key = json.dumps([name, options])
        if key not in known:
            done = run(name, **options)
            assert done.csv, done.error
            with done.csv.open(newline="") as file:
                rows = [{name: float(cell or "nan") for name, cell in row.items()} for row in csv.DictReader(file)]
            known[key] = rows, done.manifest or {}
        return known[key]

    return measured


def apart(rows: list[Row], others: list[Row], *names: str) -> float:
    """The largest difference of some columns."""
    pairs = zip(rows, others, strict=True)
    return max(abs(row[name] - other[name]) for row, other in pairs for name in names)


LANDMARKS = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
EYES = [f"eye_lmk_{axis}_{i}" for axis in "xy" for i in range(56)]
PLACE = ["pose_Tx", "pose_Ty", "pose_Tz"]
TURN = ["pose_Rx", "pose_Ry", "pose_Rz"]


def test_chosen_frames_keep_their_numbers_times_and_measurements(measure: Measure) -> None:
    whole, _ = measure("film.mp4")
    rows, manifest = measure("film.mp4", start="0.067", end="0.5", every="2")
    assert [row["frame"] for row in rows] == [3, 5, 7, 9]
    assert [row["timestamp"] for row in rows] == [0.067, 0.133, 0.4, 0.467]
    of_whole = [row for row in whole if row["frame"] in {3, 5, 7, 9}]
    # The portrait moves by 6 pixels a frame: a frame too early or late would be seen. Tracking from another frame
    # before moves points at the jaw by 2.
    assert apart(rows, of_whole, *LANDMARKS) < 3
    assert rows[1]["x_30"] - rows[0]["x_30"] == pytest.approx(2 * MOVES_PX, abs=2)
    assert manifest["frames"] == {"expected": 4, "decoded": 4, "written": 4, "success": 4}
    assert manifest["completeness"]["verdict"] == "complete"
    assert manifest["media"]["part"] == {
        "frames": {"first": 3, "last": 9, "every": 2, "count": 4},
        "times_s": {"first": 0.067, "last": 0.467},
        "region": None,
    }
    assert manifest["media"]["preparation"][-1] == "reduced to 4 of its frames, 3 to 9 (0.067 to 0.467 s), one in 2"


@pytest.mark.parametrize("name", ["film.mp4", "photo.png"])
def test_a_region_has_the_coordinates_and_the_camera_of_the_whole(measure: Measure, name: str) -> None:
    whole, before = measure(name)
    rows, manifest = measure(name, region="171,77,401,355")
    assert apart(rows, whole, *LANDMARKS, *EYES, "p_tx", "p_ty") < 3
    assert apart(rows, whole, *PLACE) < 15
    assert apart(rows, whole, *TURN) < 0.03
    # By the camera of the region alone the head would be 40 % nearer, and 60 mm beside its place.
    assert manifest["media"]["camera"] == before["media"]["camera"]
    assert manifest["media"]["camera"] == {"fx": 500, "fy": 500, "cx": 320, "cy": 240, "source": "guess"}
    assert manifest["media"]["part"]["region"] == {"x": 171, "y": 77, "width": 401, "height": 355}
    assert manifest["engine"]["argv"][-8:] == ["-fx", "500", "-fy", "500", "-cx", "149", "-cy", "163"]


def test_a_longer_lens_puts_the_head_further_away(measure: Measure) -> None:
    [near], _ = measure("photo.png")
    [far], manifest = measure("photo.png", fx="1000", fy="1000")
    assert far["pose_Tz"] / near["pose_Tz"] == pytest.approx(2, rel=0.05)
    assert abs(far["x_30"] - near["x_30"]) < 0.5
    assert manifest["media"]["camera"] == {"fx": 1000, "fy": 1000, "cx": 320, "cy": 240, "source": "options"}
    projected = 1000 * far["X_30"] / far["Z_30"] + 320
    assert projected == pytest.approx(far["x_30"], abs=0.3)


def test_the_centre_moves_the_head_to_the_side(measure: Measure) -> None:
    [middle], _ = measure("photo.png")
    [right], _ = measure("photo.png", cx="420", cy="240")
    moved_mm = 100 / 500 * middle["pose_Tz"]
    assert middle["pose_Tx"] - right["pose_Tx"] == pytest.approx(moved_mm, rel=0.1)


def test_the_camera_of_a_turned_video_is_that_of_the_upright_one(measure: Measure, media: Path) -> None:
    stored = film(media / "stored.mp4")
    turned = clips.turned(stored, media / "turned.mp4", clips.HALF)
    camera = {"fx": "900", "fy": "900", "cx": "200", "cy": "300"}
    rows, manifest = measure(turned.name, **camera)
    assert manifest["media"]["probe"]["rotation"] == 180
    assert manifest["media"]["camera"]["cx"] == 200
    seen = [row for row in rows if row["success"] == 1]
    for row in seen:
        assert 900 * row["X_30"] / row["Z_30"] + 200 == pytest.approx(row["x_30"], abs=0.5)
        assert 900 * row["Y_30"] / row["Z_30"] + 300 == pytest.approx(row["y_30"], abs=0.5)
    assert seen


def test_the_lens_of_a_photo_is_read_on_request_only(measure: Measure, run: Callable[..., Done]) -> None:
    [plain], manifest = measure("by lens.jpg")
    assert manifest["media"]["camera"]["source"] == "guess"
    [by_lens], manifest = measure("by lens.jpg", camera="exif")
    camera = manifest["media"]["camera"]
    assert camera["source"] == "exif"
    # 50 mm on film of 43.27 mm diagonal, in a picture of 800 pixels diagonal.
    assert camera["fx"] == camera["fy"] == pytest.approx(924.5, abs=0.1)
    assert by_lens["pose_Tz"] / plain["pose_Tz"] == pytest.approx(924.5 / 500, rel=0.05)
    assert run("photo.png", camera="exif").error.code == "option_does_not_fit"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("photo.png", {"region": "600,0,41,100"}),
        ("film.mp4", {"region": "0,400,100,81"}),
        ("film.mp4", {"start": "0.6"}),
    ],
)
def test_a_part_that_is_not_there_is_an_error(run: Callable[..., Done], name: str, options: dict[str, str]) -> None:
    done = run(name, **options)
    assert done.error
    assert done.error.code == "option_does_not_fit"


def test_a_folder_of_pictures_is_measured_as_one_sequence(
    measure: Measure, media: Path, tmp_path: Path, engine_settings: Settings
) -> None:
    folder = media / "takes"
    folder.mkdir()
    for number in range(4):
        # By name as text 10 comes before 2; one picture is smaller, one of a format that engines do not read.
        name = folder / f"shot {(1, 2, 10, 11)[number]}.{'webp' if number == 2 else 'png'}"
        picture = frame(number)[20:-20] if number == 1 else frame(number)
        assert cv2.imwrite(str(name), picture, [cv2.IMWRITE_WEBP_QUALITY, 101])
    (folder / "notes.txt").write_text("no picture")
    out = tmp_path / "out"
    with wiring.local_pipeline(engine_settings, media, out) as pipeline:
        [done] = LocalRun(pipeline, out, "posed", {}).analyse(
            find_sequences([folder]).files, lambda file, stage, progress: None
        )
    assert done.csv, done.error
    with done.csv.open(newline="") as file:
        rows = [{name: float(cell or "nan") for name, cell in row.items()} for row in csv.DictReader(file)]
    film, _ = measure("film.mp4")
    assert [(row["frame"], row["timestamp"], row["success"]) for row in rows] == [(i, 0, 1) for i in (1, 2, 3, 4)]
    # The bars of the smaller one stand for what it lacks: squeezed, the face would be elsewhere.
    assert apart(rows, film[:4], "x_30", "y_30", "x_8", "y_8") < 2
    manifest = done.manifest or {}
    assert (manifest["job"]["media"], manifest["completeness"]["verdict"]) == ("sequence", "complete")
    assert manifest["media"]["files"] == ["shot 1.png", "shot 2.png", "shot 10.webp", "shot 11.png"]
    assert manifest["media"]["preparation"] == [
        "shown to the engine as a sequence of 4 frames without times",
        "converted to PNG in 1 of its pictures",
        "letterboxed from 2 sizes to 640 \N{MULTIPLICATION SIGN} 480",
    ]
    assert manifest["engine"]["command"] == "FeatureExtraction"
    [found] = from_files(manifests_in([out]))
    collector = Collector(Layout.of())
    assert isinstance(found, CollectedResult)
    [chunk] = [*collector.add(found), *collector.flush()]
    assert chunk["file"].to_pylist() == manifest["media"]["files"]
