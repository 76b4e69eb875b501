"""`collect`: every row of every result once, in one set of columns; what is not there is named."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from benchmarks.collect import measured as measured_run
from service.cli import collect as command
from service.results.collect.columns import EXCLUDED, FILE, GROUPS, JOB, MATCHED, MEASURED, ROW, Layout
from service.results.collect.join import Collector
from service.results.collect.sources import from_files, manifests_in
from tests.conftest import StorageAccount
from tests.fixtures.comparable_results import face, frame, result
from tests.fixtures.media_made import clip, jpeg
from tests.integration.cli.conftest import CommandLine, environ_of
from tests.integration.worker.conftest import Bench

run = CommandLine({})


def _results(folder: Path) -> Path:
    """Two pictures, one without a face, and a video; one partial."""
    result(folder / "one", "image", [face(0, AU12_r=2.5, x_0=-3.25, X_0=7), face(1, confidence=0.3, AU12_r=1.0)])
    result(folder / "none", "image", [])
    rows = [frame(1, AU12_r=0.5), frame(2, success=0, AU12_r="nan"), frame(3)]
    partial = {"verdict": "partial", "reason": "3 of 9 frames"}
    result(folder / "deep" / "video", "video", rows, completeness=partial)
    return folder


def test_pictures_and_videos_share_one_set_of_columns(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    done = run("collect", str(_results(tmp_path / "r")), "--out", str(out), "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["results"], told["rows"]) == (3, 5)
    assert told["partial"] == [{"name": "video", "why": "3 of 9 frames"}]
    assert [one["name"] for one in told["without_rows"]] == ["none"]

    table = parquet.read_table(out)
    assert table.column_names == [*JOB, *ROW, *MEASURED, *MATCHED, EXCLUDED, FILE]
    rows = {(row["blob"], row["face"], row["frame"]): row for row in table.to_pylist()}
    assert set(rows) == {
        ("one.jpg", 0, None),
        ("one.jpg", 1, None),
        ("video.mp4", None, 1),
        ("video.mp4", None, 2),
        ("video.mp4", None, 3),
    }
    first, second = rows["one.jpg", 0, None], rows["one.jpg", 1, None]
    assert (first["AU12_r"], first["x_0"], first["X_0"], first["AU04_r"]) == (2.5, -3.25, 7.0, None)
    assert (first["good"], second["good"]) == (True, False)
    assert (first["media"], first["width"], first["frames_expected"]) == ("image", 640, None)
    good = [rows["video.mp4", None, n]["good"] for n in (1, 2, 3)]
    assert good == [True, False, True]
    lost = rows["video.mp4", None, 2]
    assert (lost["AU12_r"], lost["success"], lost["completeness"]) == (None, 0, "partial")
    assert lost["completeness_reason"] == "3 of 9 frames"
    assert rows["video.mp4", None, 3]["timestamp"] == pytest.approx(2 / 30)


def test_pieces_break_anywhere_and_lose_nothing(tmp_path: Path) -> None:
    for number, count in enumerate((1, 5, 0, 7, 2)):
        result(tmp_path / f"{number}", "video", [frame(n + 1, AU12_r=number) for n in range(count)])
    gathering = Collector(Layout.of(("action-units",)), chunk_rows=4)
    chunks = []
    for found in from_files(manifests_in([tmp_path])):
        chunks += list(gathering.add(found))
    chunks += list(gathering.flush())
    assert [chunk.num_rows for chunk in chunks] == [4, 4, 4, 3]
    rows = [row for chunk in chunks for row in chunk.to_pylist()]
    expected = [(f"{number}.mp4", n + 1, float(number)) for number, n in enumerate((1, 5, 0, 7, 2)) for n in range(n)]
    assert [(row["blob"], row["frame"], row["AU12_r"]) for row in rows] == expected


def test_who_was_matched_is_joined_to_each_row(tmp_path: Path) -> None:
    match = {"person_id": "a" * 32, "name": "Ann", "distance": 0.31}
    tracks = [
        {"face_id": 0, "first_frame": 1, "last_frame": 2, "person": 1, "match": match},
        {"face_id": 1, "first_frame": 1, "last_frame": 4, "person": 2, "match": None},
        {"face_id": 0, "first_frame": 3, "last_frame": 4, "person": None, "match": None},
    ]
    rows = [frame(n, face_id=face_id) for n in (1, 2, 3, 4) for face_id in (0, 1)] + [frame(5, face_id=0)]
    result(tmp_path / "video", "video", rows)
    result(tmp_path / "none", "video", [frame(1)])
    (tmp_path / "video" / "people.json").write_text(json.dumps({"people": [], "tracks": tracks}))
    gathering = Collector(Layout.of(("gaze",)), chunk_rows=3)
    chunks = [chunk for found in from_files(manifests_in([tmp_path])) for chunk in gathering.add(found)]
    told = [row for chunk in [*chunks, *gathering.flush()] for row in chunk.to_pylist()]
    found = [(row["frame"], row["face_id"], row["person"], row["match_name"]) for row in told]
    assert found == [
        (1, 0, None, None),
        (1, 0, 1, "Ann"),
        (1, 1, 2, None),
        (2, 0, 1, "Ann"),
        (2, 1, 2, None),
        (3, 0, None, None),
        (3, 1, 2, None),
        (4, 0, None, None),
        (4, 1, 2, None),
        (5, 0, None, None),
    ]
    assert (told[1]["match_person_id"], told[1]["match_distance"]) == ("a" * 32, 0.31)


def test_csv_holds_the_same_and_no_formula(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    for number, name in enumerate(("=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", 'plain, "quoted"\nname.jpg')):
        job = {"id": f"{number:032x}", "container": "c", "blob": name, "media": "image"}
        result(
            folder / f"{number}",
            "image",
            [face(AU12_r=1.5, pose_Tx=-2.5)],
            job=job | {"media_type": "wild", "generation": 0},
        )
    for name in ("t.csv", "t.parquet"):
        assert run("collect", str(folder), "--out", str(tmp_path / name)).exit_code == 0
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["blob"] for row in rows] == [
        "'=cmd|' /C calc'!A0",
        "'+1",
        "'-1",
        "'@x",
        "'\tx",
        'plain, "quoted"\nname.jpg',
    ]
    # A negative number is no formula; what was not measured is empty.
    assert {(row["pose_Tx"], row["AU12_r"], row["AU04_r"], row["good"]) for row in rows} == {
        ("-2.5", "1.5", "", "true")
    }
    assert list(rows[0]) == [*JOB, *ROW, *MEASURED, *MATCHED, EXCLUDED, FILE]
    assert parquet.read_table(tmp_path / "t.parquet")["blob"].to_pylist()[0] == "=cmd|' /C calc'!A0"


def test_what_cannot_be_used_is_named_and_the_rest_is_collected(tmp_path: Path) -> None:
    folder = _results(tmp_path / "r")
    result(folder / "failed", "image", [], outcome="failed", error={"code": "unreadable_media"}, csv=None)
    (result(folder / "changed", "image", [face(AU12_r=1)]) / "t.csv").write_text("face\n")
    (result(folder / "gone", "image", [face(AU12_r=1)]) / "t.csv").unlink()
    (folder / "nonsense").mkdir()
    (folder / "nonsense" / "manifest.json").write_text("[1]")
    result(folder / "fraction", "image", [face(0.5)])
    result(folder / "older", "image", [face(AU12_r=1)], job={"id": "0" * 32})
    done = run("collect", str(folder), "--out", str(tmp_path / "t.csv"))
    assert done.exit_code == 1
    assert "failed: failed: unreadable_media" in done.stderr
    named = {line.split(": ")[1] for line in done.stderr.splitlines() if line.startswith("unreadable: ")}
    assert named == {"changed", "gone", "nonsense", "fraction", "older"}
    assert "partial: video: 3 of 9 frames" in done.stderr
    assert "5 rows of 3 results" in done.stderr
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 6


def test_only_some_groups_and_mistakes(tmp_path: Path) -> None:
    folder = _results(tmp_path / "r")
    out = tmp_path / "t.parquet"
    assert run("collect", str(folder / "one" / "t.csv"), "--out", str(out), "--only", "action-units").exit_code == 0
    table = parquet.read_table(out)
    assert table.column_names[len(JOB) + len(ROW) : -len(MATCHED) - 2] == [
        name for name in MEASURED if name.startswith("AU")
    ]
    assert table.num_rows == 2
    assert set(command.GROUPS) == set(GROUPS)
    assert run("collect", "--out", str(out)).exit_code == 2
    assert run("collect", str(folder), "--jobs", "all", "--out", str(out)).exit_code == 2
    assert run("collect", str(folder), "--out", str(tmp_path / "t.xlsx")).exit_code == 2
    (tmp_path / "empty").mkdir()
    assert run("collect", str(tmp_path / "empty"), "--out", str(tmp_path / "n.csv")).exit_code == 1
    assert not (tmp_path / "n.csv").exists()
    assert not list(tmp_path.glob(".*"))


def test_results_are_collected_straight_from_storage(account: StorageAccount, bench: Bench, tmp_path: Path) -> None:
    picture = bench.submit("a.jpg", jpeg())
    video = bench.submit("b.mp4", clip(frames=5), media="video")
    bad = bench.submit("bad.jpg", b"bad")
    with bench.worker():
        for job in (picture, video, bad):
            bench.finished(job)
        again = account.services.submitter.rerun(picture.job_id, "").job
        bench.finished(again)
    other = account.new_container()
    waiting = bench.submit("c.jpg", jpeg(5))
    line = CommandLine(environ_of(account.settings))
    out = tmp_path / "t.parquet"
    done = line("collect", "--jobs", "all", "--out", str(out), "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["results"], [one["why"] for one in told["failed"]]) == (1, 2, ["unreadable_media"])
    assert [one["name"] for one in told["not_finished"]] == [f"{account.container}/{waiting.blob}"]
    rows = parquet.read_table(out).to_pylist()
    # Of the picture only the newest generation.
    assert [(row["job_id"], row["generation"]) for row in rows if row["media"] == "image"] == [(again.job_id, 1)]
    assert [row["frame"] for row in rows if row["job_id"] == video.job_id] == [1, 2, 3, 4, 5]
    empty = line("collect", "--jobs", other, "--out", str(tmp_path / "none.csv"), "--json")
    assert (empty.exit_code, json.loads(empty.stdout)["results"]) == (0, 0)


def test_memory_does_not_grow_with_the_number_of_results(tmp_path: Path) -> None:
    # Both fill their buffers (2,048 rows) at least once; kept in memory, the rows more would be 12 MiB and twice that
    # while they are written.
    few, many = (measured_run(tmp_path / f"{count}", count, 360, "parquet") for count in (60, 120))
    assert (few.rows, many.rows) == (60 // 10 * 360 + 54, 120 // 10 * 360 + 108)
    assert many.peak_mib < few.peak_mib + 10


def test_excluded_stretches_are_marked_and_never_good(tmp_path: Path) -> None:
    result(tmp_path / "video", "video", [frame(n, timestamp=f"{(n - 1) / 30:.3f}") for n in range(1, 8)])
    author = {"by": "lab", "at": "2026-01-02T03:04:05Z"}
    # Frames 3 and 4: their times are rounded to the millisecond, the end does not belong to the stretch.
    stretch = {"start_s": 2 / 30, "end_s": 4 / 30, "reason": "a hand before the face", **author}
    (tmp_path / "video" / "annotations.json").write_text(json.dumps({"version": 1, "excluded": [stretch]}))
    collector = Collector(Layout.of(("gaze",)), chunk_rows=3)
    chunks = [chunk for found in from_files(manifests_in([tmp_path])) for chunk in collector.add(found)]
    rows = [row for chunk in [*chunks, *collector.flush()] for row in chunk.to_pylist()]
    assert [row["frame"] for row in rows if row["excluded"]] == [3, 4]
    assert [row["good"] for row in rows] == [True, True, False, False, True, True, True]


def test_annotations_that_cannot_be_read_are_not_passed_over(tmp_path: Path) -> None:
    result(tmp_path / "video", "video", [frame(1)])
    (tmp_path / "video" / "annotations.json").write_text('{"excluded": "all"}')
    [skipped] = from_files(manifests_in([tmp_path]))
    assert skipped.problem == "unreadable"
