"""Results joined in chunks: each row with its own job, match, file and gate, wherever a chunk ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from service.errors import MalformedOutput
from service.jobs.media_kind import Media
from service.results.annotations import NO_ANNOTATIONS, Stretch
from service.results.collect.columns import Layout
from service.results.collect.join import Collector, text_columns
from service.results.collect.sources import CollectedResult, from_files, manifests_in
from tests.fixtures.comparable_results import face, frame, result

LAYOUT = Layout.of(["action-units"])


def collected(folder: Path, media: Media, rows: Sequence[Mapping[str, object]], **more: object) -> CollectedResult:
    [found] = from_files(manifests_in([result(folder, media, rows, **more)]))
    assert isinstance(found, CollectedResult)
    return found


def joined(*results: CollectedResult, chunk_rows: int = 2) -> tuple[list[int], list[dict]]:
    """Lengths of the chunks, and all rows."""
    collector = Collector(LAYOUT, chunk_rows)
    chunks = [chunk for each in results for chunk in collector.add(each)]
    chunks += collector.flush()
    return [len(chunk) for chunk in chunks], pa.concat_tables(chunks).to_pylist()


def test_a_result_goes_on_in_the_next_chunk_with_its_own_job(tmp_path: Path) -> None:
    a = collected(tmp_path / "a", "video", [frame(n, AU12_r=float(n)) for n in (1, 2, 3)])
    b = collected(tmp_path / "b", "image", [face(0, AU12_r=4.0), face(1, AU12_r=5.0)])
    lengths, rows = joined(a, b)
    assert lengths == [2, 2, 1]
    found = [(row["blob"], row["frame"], row["face"], row["AU12_r"]) for row in rows]
    assert found == [
        ("a.mp4", 1, None, 1.0),
        ("a.mp4", 2, None, 2.0),
        ("a.mp4", 3, None, 3.0),
        ("b.jpg", None, 0, 4.0),
        ("b.jpg", None, 1, 5.0),
    ]


def test_rows_of_one_chunk_leave_nothing_to_the_next(tmp_path: Path) -> None:
    a = collected(tmp_path / "a", "video", [frame(1, AU12_r=3.0, AU04_r=2.0), frame(2, AU12_r=3.0)])
    b = collected(tmp_path / "b", "video", [frame(1, AU12_r="nan"), frame(2)])
    _, rows = joined(a, b)
    assert [(row["AU12_r"], row["AU04_r"]) for row in rows] == [(3.0, 2.0), (3.0, None), (None, None), (None, None)]


def test_rows_that_fail_the_gate_or_are_excluded_are_not_good(tmp_path: Path) -> None:
    rows = [
        frame(1, timestamp=0),
        frame(2, timestamp=1, success=0),
        frame(3, timestamp=2, confidence=0.7),
        frame(4, timestamp=3),
    ]
    one = collected(tmp_path / "a", "video", rows)
    annotations = NO_ANNOTATIONS.replaced([Stretch(start_s=3, end_s=9)], "lab", datetime(2026, 1, 2, tzinfo=UTC))
    marked = CollectedResult(one.name, one.manifest, one.csv, None, annotations)
    assert [(row["good"], row["excluded"]) for row in joined(marked)[1]] == [
        (True, False),
        (False, False),
        (False, False),
        (False, True),
    ]


def test_frames_of_a_sequence_have_the_names_of_their_pictures(tmp_path: Path) -> None:
    one = collected(tmp_path / "a", "video", [frame(1), frame(2), frame(3)])
    one.manifest["media"]["files"] = ["1.png", "2.png"]
    assert [row["file"] for row in joined(one)[1]] == ["1.png", "2.png", None]


def test_matches_follow_their_faces_over_a_chunks_end(tmp_path: Path) -> None:
    one = collected(tmp_path / "a", "video", [frame(1), frame(2), frame(3, face_id=1), frame(4)])
    people = {
        "tracks": [
            {
                "face_id": 0,
                "first_frame": 2,
                "last_frame": 3,
                "person": 1,
                "match": {"person_id": "p", "name": "Ada", "distance": 0.4},
            },
            {"face_id": 1, "first_frame": 3, "last_frame": 9, "person": 2, "match": None},
        ]
    }
    rows = joined(CollectedResult(one.name, one.manifest, one.csv, people))[1]
    found = [(row["person"], row["match_name"], row["match_distance"]) for row in rows]
    assert found == [(None, None, None), (1, "Ada", 0.4), (2, None, None), (None, None, None)]


def test_a_fraction_in_a_column_of_whole_numbers_is_refused(tmp_path: Path) -> None:
    one = collected(tmp_path / "a", "video", [frame(1), frame(2, success=0.5)])
    with pytest.raises(MalformedOutput, match="success holds a fraction"):
        joined(one)


def test_a_whole_number_that_no_column_holds_is_refused(tmp_path: Path) -> None:
    one = collected(tmp_path / "a", "video", [frame(1, face_id="1e30")])
    collector = Collector(LAYOUT, 4)
    with pytest.raises(MalformedOutput, match="face_id holds a number that is too large"):
        list(collector.add(one))
    assert list(collector.flush()) == []


def test_texts_are_the_columns_of_text() -> None:
    assert {"blob", "match_name", "file"} <= set(text_columns(LAYOUT.schema))
    assert not {"frame", "good", "AU12_r"} & set(text_columns(LAYOUT.schema))


@pytest.mark.parametrize(
    "odd",
    [
        {"media": None},
        {"engine": ["OpenFace"]},
        {"faces": "two"},
        {"faces": True},
        {"faces": 1 << 70},
        {"completeness": {"verdict": "complete", "reason": "\ud800"}},
        {"media": {"files": ["\ud800.png"]}},
    ],
)
def test_a_result_whose_manifest_fits_no_column_adds_nothing_and_harms_no_other(tmp_path: Path, odd: dict) -> None:
    good = collected(tmp_path / "good", "video", [frame(1), frame(2)])
    bad = CollectedResult("bad", good.manifest | odd, good.csv)
    collector = Collector(LAYOUT, 4)
    with pytest.raises((KeyError, TypeError, ValueError)):
        list(collector.add(bad))
    assert list(collector.add(good)) == []
    [last] = collector.flush()
    assert [row["blob"] for row in last.to_pylist()] == ["good.mp4", "good.mp4"]


@pytest.mark.parametrize("match", [["p"], {"name": 5}, {"distance": "near"}])
def test_a_match_that_fits_no_column_adds_nothing(tmp_path: Path, match: object) -> None:
    one = collected(tmp_path / "a", "video", [frame(1)])
    track = {"face_id": 0, "first_frame": 1, "last_frame": 1, "person": 1, "match": match}
    collector = Collector(LAYOUT, 4)
    with pytest.raises((KeyError, TypeError, ValueError)):
        list(collector.add(CollectedResult(one.name, one.manifest, one.csv, {"tracks": [track]})))
    assert list(collector.flush()) == []
