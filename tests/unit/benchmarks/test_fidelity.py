"""The fidelity benchmark: an engine held against itself, and against references that differ by known amounts."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.by_group import wilson
from benchmarks.fidelity import AIMS, main
from infra.local.demo import PORTRAIT
from service.results.agreement.side_by_side import read_rows
from tests.fixtures.media_made import FAKES
from tests.openface_lite.engine_runs import SHARED
from tests.unit.benchmarks.tables_made import face_row, give, moved, pair, player, video_row, write

NAN = float("nan")
REAL_TABLES = SHARED / "facts" / "openface-samples"


@dataclass(frozen=True)
class RunOutput:
    """The output of one run: its text, its JSON, and access to single figures."""

    output: str
    figures: dict[str, Any]

    def error(self, group: str, what: str, kind: str = "videos") -> dict[str, Any]:
        found = self.figures["agreement"][kind]["errors"]
        return next(each for each in found if (each["group"], each["what"]) == (group, what))

    def unit(self, name: str, kind: str = "videos") -> dict[str, Any]:
        return next(each for each in self.figures["agreement"][kind]["action_units"] if each["unit"] == name)

    def frames(self, kind: str = "videos") -> dict[str, Any]:
        return dict(self.figures["agreement"][kind]["frames"])

    def verdict(self, of: str, what: str, kind: str = "videos") -> str:
        return str(
            next(each for each in self.figures["aims"] if (each["of"], each["what"]) == (of, what))[kind]["verdict"]
        )


class Bench:
    """A folder of pairs, and the benchmark run on it with the engine that plays tables back."""

    def __init__(self, room: Path) -> None:
        self.folder = room / "pairs"
        self.folder.mkdir()
        self.room = room
        self.engine = player(room / "engine")

    def run(self, *options: str, engine: Path | None = None) -> tuple[int, str]:
        give(self.engine, self.folder)
        done = CliRunner().invoke(main, [str(self.folder), "--bin-dir", str(engine or self.engine), *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def tell(self, *options: str) -> RunOutput:
        file = self.room / "figures.json"
        code, output = self.run("--json", str(file), *options)
        assert code == 0, output
        return RunOutput(output, json.loads(file.read_text()))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_known_errors_are_measured(bench: Bench) -> None:
    engine = [video_row(frame) for frame in range(1, 13)]
    mouth = range(48, 68)
    reference = [
        moved(moved(row, 3, 4), 0, -10, mouth)
        | {"pose_Rx": row["pose_Rx"] - math.pi / 90, "pose_Ry": row["pose_Ry"] + 0.1, "pose_Rz": math.pi - 0.02}
        | {"pose_Tx": row["pose_Tx"] + 1, "pose_Ty": row["pose_Ty"] - 2, "pose_Tz": row["pose_Tz"] + 30}
        | {"gaze_angle_x": row["gaze_angle_x"] + 0.05, "gaze_0_x": 0, "gaze_0_y": 0, "gaze_0_z": -1}
        | {f"eye_lmk_x_{i}": row[f"eye_lmk_x_{i}"] + 1 for i in (*range(8), *range(28, 36))}
        | {f"Z_{i}": row[f"Z_{i}"] + 5 for i in range(68)}
        | {"p_scale": row["p_scale"] * 2, "p_tx": row["p_tx"] - 1, "confidence": 0.9}
        for row in engine
    ]
    turned = [row | {"pose_Rz": -math.pi + 0.03, "gaze_0_x": 1, "gaze_0_y": 0, "gaze_0_z": 0} for row in engine]
    pair(bench.folder / "clip.mp4", reference, turned)
    told = bench.tell()

    def figure(group: str, what: str) -> tuple[Any, ...]:
        found = told.error(group, what)
        assert found["n"] == 12
        return found["mean"], found["bias"]

    # The mouth is at (3, -6) pixels, everything else at (3, 4).
    rest, mouth_error = 5.0, math.hypot(3, 6)
    for region in ("jaw", "brows", "nose", "eyes"):
        assert figure("landmarks", region) == (pytest.approx(rest), None)
    assert figure("landmarks", "mouth") == (pytest.approx(mouth_error), None)
    assert figure("landmarks", "all 68") == (pytest.approx((48 * rest + 20 * mouth_error) / 68), None)
    assert figure("eye landmarks", "iris") == (pytest.approx(1), None)
    assert figure("eye landmarks", "lids") == figure("eye landmarks", "pupil") == (0, None)
    assert figure("eye landmarks", "all 56") == (pytest.approx(16 / 56), None)
    assert figure("landmarks 3D", "all 68") == (pytest.approx(5), None)
    assert figure("head pose", "pitch") == (pytest.approx(2, abs=1e-3), pytest.approx(2, abs=1e-3))
    assert figure("head pose", "yaw") == (pytest.approx(math.degrees(0.1)), pytest.approx(-math.degrees(0.1)))
    # The shorter way round.
    assert figure("head pose", "roll") == (pytest.approx(math.degrees(0.05), abs=1e-3),) * 2
    assert [figure("head pose", axis)[1] for axis in ("Tx", "Ty", "Tz")] == pytest.approx([-1, 2, -30])
    assert figure("gaze", "angle x") == (pytest.approx(math.degrees(0.05)), pytest.approx(-math.degrees(0.05)))
    assert figure("gaze", "angle y") == (0, 0)
    assert figure("gaze", "vector 0") == (pytest.approx(90), None)
    assert figure("shape", "p_scale") == (pytest.approx(50), pytest.approx(-50))
    assert figure("shape", "p_tx") == (pytest.approx(1), pytest.approx(1))
    assert figure("confidence", "confidence")[1] == pytest.approx(0.08)

    assert told.verdict("landmarks", "all 68") == told.verdict("head pose", "yaw") == "missed"
    assert (told.verdict("head pose", "Tx"), told.verdict("head pose", "pitch")) == ("met", "missed")
    assert told.verdict("head pose", "Tz") == "missed"
    assert told.verdict("landmarks", "all 68", "pictures") == "not measured"
    assert "≤ 2.8" in told.output and "missed (n 12)" in told.output and "not measured" in told.output


def test_known_differences_of_action_units_are_measured(bench: Bench) -> None:
    engine = [video_row(frame, AU04_r=NAN, AU04_c=NAN, AU09_r=1.0, AU17_c=0.0, AU20_c=1.0) for frame in range(1, 13)]
    reference = [
        row
        | {"AU12_r": 0.5 * row["AU12_r"], "AU45_r": 5 - row["AU45_r"], "AU25_r": row["AU25_r"] + 0.5}
        | {"AU04_r": 1.0, "AU04_c": 1.0, "AU17_c": 0.0, "AU20_c": float(row["frame"] <= 3)}
        for row in engine
    ]
    pair(bench.folder / "clip.mp4", reference, engine)
    told = bench.tell()

    halved = told.unit("AU12")
    assert (halved["r"], halved["n"]) == (pytest.approx(1), 12)
    assert halved["mae"] == halved["bias"] == pytest.approx(np.mean([row["AU12_r"] for row in engine]) / 2)
    assert halved["r_by_file"] == pytest.approx(1) and halved["r_files"] == 1
    assert told.unit("AU45")["r"] == pytest.approx(-1)
    assert (told.unit("AU25")["r"], told.unit("AU25")["mae"]) == (pytest.approx(1), pytest.approx(0.5))
    assert told.unit("AU25")["bias"] == pytest.approx(-0.5)
    not_estimated, constant = told.unit("AU04"), told.unit("AU09")
    assert (not_estimated["r"], not_estimated["mae"], not_estimated["n"]) == (None, None, 0)
    assert (not_estimated["presence_agreement"], not_estimated["presence_n"]) == (None, 0)
    assert (constant["r"], constant["mae"], constant["n"]) == (None, 0, 12)
    assert (told.unit("AU01")["presence_agreement"], told.unit("AU01")["presence_f1"]) == (1, 1)
    assert (told.unit("AU17")["presence_agreement"], told.unit("AU17")["presence_f1"]) == (1, None)
    assert told.unit("AU20")["presence_agreement"] == 0.25
    assert told.unit("AU20")["presence_f1"] == pytest.approx(2 * 3 / (3 + 12))
    assert told.unit("AU28")["n"] == 0 and told.unit("AU28")["presence_n"] == 12
    assert told.verdict("AU12", "r") == "met" and told.verdict("AU45", "r") == "missed"


def test_an_aim_for_a_unit_that_was_never_estimated_is_not_measured(bench: Bench) -> None:
    rows = [video_row(frame) for frame in range(1, 4)]
    pair(bench.folder / "clip.mp4", rows, [row | {"AU12_r": NAN} for row in rows])
    assert bench.tell().verdict("AU12", "r") == "not measured"


def test_frames_that_are_not_there_and_frames_without_a_face(bench: Bench) -> None:
    """Ten frames; the reference lacks two, lost one and has one alone; rows of failed frames are not looked at."""
    far = {"pose_Ry": 3.0}
    reference = [video_row(frame) for frame in (1, 2, 5, 6, 7, 8, 9, 10)]
    reference[2] |= {"success": 0} | far
    reference[3] |= {"success": 0} | far
    engine = [video_row(frame) for frame in range(1, 11)]
    engine[5] |= {"success": 0} | far
    engine[6] |= {"success": 0} | far
    pair(bench.folder / "clip.mp4", reference, engine)
    told = bench.tell()
    counts = told.frames()
    assert [counts[name] for name in ("frames", "both", "neither", "reference_alone", "engine_alone")] == [
        8,
        5,
        1,
        1,
        1,
    ]
    assert counts["success_agreement"] == 6 / 8
    assert (counts["frames_reference_only"], counts["frames_engine_only"]) == (0, 2)
    assert (counts["faces_reference"], counts["faces_engine"], counts["faces_compared"]) == (6, 6, 5)
    assert told.figures["files"][0]["paired_by"] == "frame"
    assert (told.error("head pose", "yaw")["mean"], told.error("head pose", "yaw")["n"]) == (0, 5)


def test_a_table_of_another_frame_rate_is_paired_by_time(bench: Bench) -> None:
    reference = [video_row(frame, rate=25, pose_Ry=frame / 100) for frame in range(1, 7)]
    engine = [video_row(frame, rate=50, pose_Ry=((frame - 1) / 2 + 1) / 100) for frame in range(1, 12)]
    pair(bench.folder / "clip.mp4", reference, engine)
    told = bench.tell()
    assert told.figures["files"][0]["paired_by"] == "timestamp"
    assert (told.error("head pose", "yaw")["mean"], told.error("head pose", "yaw")["n"]) == (0, 6)
    assert told.frames()["frames_engine_only"] == 5


def test_no_frame_is_paired_twice(bench: Bench) -> None:
    """Half a frame apart, and a millisecond less or more by rounding."""
    reference = [video_row(frame, timestamp=at) for frame, at in enumerate((0.0, 0.033, 0.067), 1)]
    engine = [video_row(frame, timestamp=at) for frame, at in enumerate((0.017, 0.05), 1)]
    pair(bench.folder / "clip.mp4", reference, engine)
    counts = bench.tell().frames()
    assert 1 <= counts["frames"] <= 2
    assert counts["frames"] + counts["frames_reference_only"] == 3
    assert counts["frames"] + counts["frames_engine_only"] == 2


@pytest.mark.parametrize("separator", [",", ", "])
@pytest.mark.parametrize("medium", ["clip.mp4", "photo.jpg"])
def test_both_dialects_are_read(bench: Bench, separator: str, medium: str) -> None:
    rows = [video_row(frame) for frame in (1, 2)] if medium == "clip.mp4" else [face_row("image")]
    pair(bench.folder / medium, [moved(row, 0, 2) for row in rows], rows, separator)
    told = bench.tell()
    kind = "videos" if medium == "clip.mp4" else "pictures"
    assert told.error("landmarks", "all 68", kind)["mean"] == pytest.approx(2)
    assert told.error("landmarks", "all 68", kind)["n"] == len(rows)


@pytest.mark.skipif(not REAL_TABLES.is_dir(), reason="real tables of OpenFace are not part of the repository")
@pytest.mark.parametrize(
    ("name", "medium", "rows"),
    [
        ("facelandmarkimg_single_face.csv", "photo.jpg", 1),
        ("featureextraction_no_space_dialect.csv", "clip.mp4", 2),
        ("featureextraction_spaced_dialect_30rows.csv", "clip.mp4", 30),
    ],
)
def test_real_tables_agree_with_themselves(bench: Bench, name: str, medium: str, rows: int) -> None:
    (bench.folder / medium).write_bytes(b"played, not decoded")
    for copy in (bench.folder / Path(medium).with_suffix(".csv"), bench.folder / f"{medium}.played"):
        copy.write_bytes((REAL_TABLES / name).read_bytes())
    told = bench.tell()
    kind = "videos" if medium == "clip.mp4" else "pictures"
    assert {(each["mean"], each["n"]) for each in told.figures["agreement"][kind]["errors"]} == {(0, rows)}
    for unit in told.figures["agreement"][kind]["action_units"]:
        assert unit["r"] is None or unit["r"] == pytest.approx(1)
        assert unit["presence_agreement"] == 1


def test_several_faces_of_a_picture(bench: Bench) -> None:
    """Nearest to nearest whatever the order; one missed, one that the reference does not have, one that failed."""
    places = {"left": 100.0, "middle": 400.0, "right": 700.0}
    faces = {name: face_row("image", left=left) for name, left in places.items()}
    failed = face_row("image", left=1000, confidence=0.2)
    extra = face_row("image", left=1300)
    engine = [extra, moved(faces["right"], 6, 8), moved(faces["left"], 0, 3)]
    pair(bench.folder / "group.jpg", [*faces.values(), failed], engine)
    told = bench.tell()
    counts = told.frames("pictures")
    assert (counts["frames"], counts["both"], counts["success_agreement"]) == (1, 1, 1)
    assert (counts["faces_reference"], counts["faces_engine"], counts["faces_compared"]) == (3, 3, 2)
    assert told.error("landmarks", "all 68", "pictures")["mean"] == pytest.approx((10 + 3) / 2)
    assert told.figures["files"][0]["landmarks_n"] == 2


def test_faces_that_overlap_go_to_the_nearest(bench: Bench) -> None:
    one, other = face_row("image", left=100), face_row("image", left=160)
    pair(bench.folder / "group.jpg", [one, other], [moved(other, -5, 0), moved(one, 5, 0)])
    told = bench.tell()
    assert told.error("landmarks", "all 68", "pictures")["mean"] == pytest.approx(5)
    assert told.frames("pictures")["faces_compared"] == 2


def test_several_faces_of_a_video(bench: Bench) -> None:
    """Such a reference asks for the command for several faces; slots are no identities, and no row is no face."""
    first, second = video_row(1), video_row(1, face_id=1) | {f"x_{i}": 900.0 + i for i in range(68)}
    pair(bench.folder / "clip.mp4", [first, second, video_row(3)], [])
    swapped = [moved(second, 0, 1) | {"face_id": 0}, first | {"face_id": 1}, video_row(2)]
    write(bench.folder / "clip.mp4.played_multi", "video", swapped)
    told = bench.tell()
    counts = told.frames()
    assert [counts[name] for name in ("frames", "both", "reference_alone", "engine_alone")] == [3, 1, 1, 1]
    assert (counts["faces_reference"], counts["faces_compared"]) == (3, 2)
    # The second face's outer eye corners are 9 px apart.
    assert told.error("landmarks", "all 68")["mean"] == pytest.approx(100 / math.hypot(9, 0) / 2)


def test_pictures_without_a_face_are_counted_apart(bench: Bench) -> None:
    pair(bench.folder / "neither.png", [], [])
    pair(bench.folder / "false_face.png", [], [face_row("image")])
    pair(bench.folder / "missed.png", [face_row("image")], [])
    told = bench.tell()
    counts = told.frames("pictures")
    assert [counts[name] for name in ("frames", "both", "neither", "reference_alone", "engine_alone")] == [
        3,
        0,
        1,
        1,
        1,
    ]
    assert counts["success_agreement"] == pytest.approx(1 / 3)
    assert told.error("landmarks", "all 68", "pictures") | {"mean": None, "worst": None, "n": 0} == told.error(
        "landmarks", "all 68", "pictures"
    )
    assert {told.verdict(aim.of, aim.what) for aim in AIMS} == {"not measured"}


def test_groups_count_faces_found_and_missed(bench: Bench) -> None:
    for number in range(10):
        face = face_row("image")
        pair(bench.folder / f"a{number}.jpg", [face], [moved(face, 0, number)] if number else [])
    frames = [video_row(frame) for frame in range(1, 5)]
    pair(bench.folder / "b.mp4", frames, [frames[0], *(row | {"success": 0} for row in frames[1:])])
    pair(bench.folder / "c.jpg", [face_row("image")], [face_row("image")])
    pair(bench.folder / "cat.png", [], [])
    (bench.folder / "no_table.jpg").write_bytes(b"")
    labels = bench.room / "groups.csv"
    lines = [
        *(f"a{number}.jpg,Monk 1-3" for number in range(10)),
        "./b.mp4,Monk 8-10",
        "c.jpg,Monk 8-10",
        "no_table.jpg,Monk 8-10",
    ]
    labels.write_text("\ufefffile,group\n" + "\n".join(lines) + "\n")
    told = bench.tell("--groups", str(labels))
    light, dark, rest = told.figures["groups"]
    assert (light["group"], light["files"], light["found"], light["faces"]) == ("Monk 1-3", 10, 9, 10)
    assert light["detection_rate"] == 0.9
    # Newcombe 1998 and every calculator: 9 of 10.
    assert (light["low"], light["high"]) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))
    assert (light["landmark_error"], light["landmark_files"]) == (pytest.approx(5), 9)
    # One video counts once, however many frames it has: a quarter of its frames, and the whole of a photo.
    assert (dark["group"], dark["files"], dark["files_not_compared"]) == ("Monk 8-10", 2, 1)
    assert (dark["found"], dark["faces"], dark["detection_rate"]) == (2, 5, 0.625)
    assert (dark["low"], dark["high"]) == wilson(0.625, 2)
    assert (rest["group"], rest["files"], rest["files_without"], rest["detection_rate"]) == ("(no group)", 0, 1, None)
    assert "Monk 8-10" in told.output and "9 of 10" in told.output


@pytest.mark.parametrize(
    ("share", "n", "low", "high"), [(0, 10, 0, 0.2775), (1, 10, 0.7225, 1), (0.5, 100, 0.4038, 0.5962)]
)
def test_intervals_are_wilsons(share: float, n: int, low: float, high: float) -> None:
    assert list(wilson(share, n)) == pytest.approx([low, high], abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("name,group\na.jpg,x\n", "must name the columns file,group"),
        ("file,group\nb.jpg,x\n", "line 2: 'b.jpg' is in none of the folders"),
        ("file,group\na.jpg,x\na.jpg,y\n", "line 3: 'a.jpg' has two groups"),
        ("file,group\na.jpg,\n", "line 2: both a file and its group are needed"),
    ],
)
def test_a_wrong_list_of_groups_is_refused_with_its_line(bench: Bench, labels: str, sentence: str) -> None:
    pair(bench.folder / "a.jpg", [face_row("image")], [face_row("image")])
    file = bench.room / "groups.csv"
    file.write_text(labels)
    code, output = bench.run("--groups", str(file))
    assert code == 1
    assert sentence in output


def test_a_folder_without_media_is_an_error(bench: Bench) -> None:
    code, output = bench.run()
    assert code == 1
    assert f"no pictures or videos in {bench.folder}" in output


def test_media_without_tables_cannot_be_compared(bench: Bench) -> None:
    (bench.folder / "photo.jpg").write_bytes(b"")
    code, output = bench.run()
    assert code == 1
    assert "nothing could be compared" in output and "photo.jpg: no photo.csv beside it" in output


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the table is empty"),
        (b"a,b\n1,2\n", "the table's columns are not OpenFace 2.x's"),
        (",".join(["x"] * 431).encode() + b"\n", "older than OpenFace 2.0"),
        (b"\xff\xfe\x00", "the table's header is cut short"),
    ],
)
def test_a_table_that_is_none(bench: Bench, content: bytes, sentence: str) -> None:
    (bench.folder / "photo.jpg").write_bytes(b"")
    (bench.folder / "photo.csv").write_bytes(content)
    code, output = bench.run()
    assert code == 1
    assert "photo.jpg: its CSV: the table" in output and sentence in output


def test_one_bad_pair_does_not_keep_the_rest_from_being_compared(bench: Bench) -> None:
    pair(bench.folder / "good.jpg", [face_row("image")], [face_row("image")])
    pair(bench.folder / "torn.jpg", [face_row("image")], [face_row("image")])
    torn = bench.folder / "torn.csv"
    torn.write_bytes(torn.read_bytes()[:-5])
    (bench.folder / "alone.mp4").write_bytes(b"")
    for name in ("twin.jpg", "twin.png"):
        pair(bench.folder / name, [face_row("image")], [face_row("image")])
    told = bench.tell()
    assert [each["file"] for each in told.figures["files"]] == ["good.jpg"]
    assert {each["name"]: each["why"] for each in told.figures["not_compared"]} == {
        "alone.mp4": "no alone.csv beside it",
        "torn.jpg": "its CSV: the table's last line is torn: it has no end",
        "twin.jpg": "twin.jpg and twin.png have one twin.csv between them",
        "twin.png": "twin.jpg and twin.png have one twin.csv between them",
    }


def test_what_openface_leaves_beside_its_table_is_no_medium(bench: Bench) -> None:
    """By default it draws a copy of its input and crops faces; its details file says what the input was."""
    rows = [video_row(frame) for frame in (1, 2)]
    pair(bench.folder / "clip.mp4", rows, rows)
    (bench.folder / "clip.avi").write_bytes(b"drawn")
    (bench.folder / "clip_of_details.txt").write_text("Input:C:\\films\\clip.mp4\nOutput csv:clip.csv\n")
    crops = bench.folder / "clip_aligned"
    crops.mkdir()
    (crops / "frame_det_00_000001.bmp").write_bytes(b"crop")
    told = bench.tell()
    assert [each["file"] for each in told.figures["files"]] == ["clip.mp4"]
    assert told.figures["not_compared"] == [{"name": "clip.avi", "why": "clip.csv is of clip.mp4"}]


def test_an_engine_that_fails_is_quoted(bench: Bench) -> None:
    pair(bench.folder / "photo.jpg", [face_row("image")], [face_row("image")])
    code, output = bench.run(engine=FAKES / "crash")
    assert code == 1
    assert "photo.jpg: the engine: the engine ended with exit code 3" in output


def test_without_an_engine_nothing_is_compared(bench: Bench) -> None:
    pair(bench.folder / "photo.jpg", [face_row("image")], [face_row("image")])
    empty = bench.room / "empty"
    empty.mkdir()
    code, output = bench.run(engine=empty)
    assert code == 1
    assert "no OpenFace commands in" in output


def test_the_json_has_what_the_tables_have(bench: Bench) -> None:
    engine = [video_row(frame) for frame in range(1, 13)]
    pair(bench.folder / "clip.mp4", [moved(row, 3, 4) | {"AU01_r": row["AU01_r"] + 0.123} for row in engine], engine)
    pair(bench.folder / "photo [b].jpg", [face_row("image")], [moved(face_row("image"), 1, 0)])
    told = bench.tell()
    lines = told.output.splitlines()

    def is_printed(*cells: Any) -> bool:
        shown = [f"{cell:.3f}" if isinstance(cell, float) else "-" if cell is None else str(cell) for cell in cells]
        return any([cell.strip() for cell in line.split("│")][1:-1] == shown for line in lines)

    for agreement in told.figures["agreement"].values():
        for e in agreement["errors"]:
            assert is_printed(*(e[name] for name in ("group", "what", "mean", "bias", "worst", "n", "unit"))), e
        for u in agreement["action_units"]:
            names = ("unit", "r", "r_by_file", "mae", "bias", "n", "presence_agreement", "presence_f1", "presence_n")
            assert is_printed(*(u[name] for name in names)), u
    videos, pictures = (told.frames(kind) for kind in ("videos", "pictures"))
    assert is_printed("success agreement", videos["success_agreement"], pictures["success_agreement"])
    assert is_printed("faces compared", 12, 1)
    assert is_printed("photo [b].jpg", "picture", 1, 1.0, 1, 1.0)


def test_without_a_folder_the_aims_are_not_run(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["--json", str(file)])
    assert done.exit_code == 0
    assert done.output.count("not run") == 1 + len(AIMS)
    assert {aim["verdict"] for aim in json.loads(file.read_text())["aims"]} == {"not run"}


def test_table_of_openface_1_is_compared(bench: Bench) -> None:
    """Fewer columns, other order, blanks in the header, CRLF: as real tables of that age have them."""
    rows = [video_row(frame) for frame in range(1, 15)]
    pair(bench.folder / "clip.mp4", rows, rows)
    left_out = ("face_id", "eye_lmk", "gaze_angle")
    names = [name for name in reversed(rows[0]) if not name.startswith(left_out)]
    lines = [", ".join(names), *(",".join(f"{row[name]:.6g}" for name in names) for row in rows)]
    (bench.folder / "clip.csv").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    told = bench.tell()
    assert (told.error("landmarks", "all 68")["mean"], told.error("landmarks", "all 68")["n"]) == (0, 14)
    assert told.error("eye landmarks", "all 56")["n"] == 0
    assert told.error("gaze", "angle x")["n"] == 14
    assert told.unit("AU01")["r"] == pytest.approx(1)


@pytest.mark.skipif(not REAL_TABLES.is_dir(), reason="no real OpenFace output here")
def test_real_table_of_an_old_version_is_read() -> None:
    rows = read_rows(REAL_TABLES / "legacy_0x_431cols_5rows.csv", "video")
    assert rows.column("AU01_r").tolist() == [0.6773, 0.5958, 0.6017, 0.6545, 0.5636]
    assert np.isfinite(rows.column("gaze_angle_x")).all()
    assert not rows.is_multi and rows.good.all()


def test_each_person_stands_beside_constants(bench: Bench) -> None:
    """One person is measured well, the other's AU12 is a constant; AU01 does not vary in the second."""
    reference = [video_row(frame) for frame in range(1, 29)]
    near = [row | {"AU12_r": row["AU12_r"] + 0.1, "AU01_r": row["AU01_r"] + 0.1} for row in reference]
    pair(bench.folder / "anna" / "a.mp4", reference[:14], near[:14])
    pair(bench.folder / "anna" / "b.mp4", reference[14:], near[14:])
    flat = [row | {"AU01_r": 0.2} for row in reference]
    pair(bench.folder / "ben.mp4", flat, [row | {"AU12_r": 1.5} for row in flat])
    told = bench.tell()
    people = {(each["person"], each["what"]): each for each in told.figures["people"]}
    anna, ben = people["anna", "AU12"], people["ben", "AU12"]
    assert (anna["n"], anna["error"], anna["beats_constants"]) == (28, pytest.approx(0.1), True)
    truth = np.array([row["AU12_r"] for row in reference])
    assert anna["zero"] == pytest.approx(truth.mean())
    assert anna["mean"] == pytest.approx(np.abs(truth - truth.mean()).mean())
    assert (ben["beats_constants"], ben["r"]) == (False, None)
    assert people["ben", "AU01"]["varies"] is False
    assert people["ben", "gaze across"]["head"] is not None and ben["head"] is None
    claims = {each["unit"]: each for each in told.figures["claims"]}
    assert (claims["AU12"]["verdict"], claims["AU01"]["verdict"]) == ("refused", "shown")
    assert "ben" in claims["AU12"]["why"]
    assert "a constant is as near on ben" in told.output.replace("\n", " ")


def test_groups_count_detection_where_there_is_no_table(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    portrait = cv2.imread(str(PORTRAIT))
    assert portrait is not None
    for number in range(3):
        cv2.imwrite(str(folder / f"face{number}.png"), portrait)
    cv2.imwrite(str(folder / "none.png"), np.full((240, 320, 3), 90, np.uint8))
    labels = tmp_path / "groups.csv"
    labels.write_text("file,group\nface0.png,A\nface1.png,A\nface2.png,B\nnone.png,B\n")
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, [str(folder), "--groups", str(labels), "--json", str(file)])
    assert done.exit_code == 0, done.output
    first, second = json.loads(file.read_text())["detection"]
    assert (first["group"], first["files"], first["detection_rate"]) == ("A", 2, 1.0)
    assert (second["group"], second["files"], second["detection_rate"]) == ("B", 2, 0.5)
    assert (second["low"], second["high"]) == wilson(0.5, 2)
