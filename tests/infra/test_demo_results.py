import hashlib
import json

import pytest

from infra.local.demo_results import COLUMNS, NotWhole, checked_result, differences, fetch_results

JOB = {"id": "0" * 32, "container": "c-1", "blob": "clip.mp4"}
PREFIX = f"{JOB['container']}/{JOB['blob']}/{JOB['id']}/"


def table_of(rows=3, columns=COLUMNS["video"]):
    lines = [",".join(f"c{number}" for number in range(columns))]
    return ("\n".join(lines + [",".join("1" * columns)] * rows) + "\n").encode()


def manifest_of(table, rows=3):
    return {
        "job": {"media": "video"},
        "outcome": "succeeded",
        "frames": {"expected": rows},
        "faces": 1,
        "completeness": {"verdict": "complete", "reason": None},
        "csv": {
            "sha256": hashlib.sha256(table).hexdigest(),
            "bytes": len(table),
            "rows": rows,
            "columns": COLUMNS["video"],
        },
    }


def test_a_whole_table_has_no_differences():
    table = table_of()
    manifest = manifest_of(table)
    assert differences(table, manifest, manifest["csv"]["sha256"]) == []


@pytest.mark.parametrize(
    ("table", "named"),
    [
        (table_of(rows=2), "rows: 2 instead of 3"),
        (table_of(columns=700), "columns: 700 instead of 714"),
        (table_of()[:-20], "rows of another width"),
        (table_of().replace(b"1,1", b"2,1", 1), "sha256"),
    ],
)
def test_every_difference_is_told(table, named):
    manifest = manifest_of(table_of())
    assert named in "; ".join(differences(table, manifest, manifest["csv"]["sha256"]))


def test_a_partial_result_is_not_whole():
    manifest = manifest_of(table_of()) | {"completeness": {"verdict": "partial", "reason": "truncated"}}
    assert differences(table_of(), manifest, manifest["csv"]["sha256"]) == [
        "completeness: 'partial' instead of 'complete'"
    ]


@pytest.fixture
def published(container):
    table = table_of()
    manifest = manifest_of(table)
    container.upload_blob(f"{PREFIX}attempt-1/manifest.json", json.dumps(manifest).encode())
    metadata = {"attempt": "attempt-1", "sha256": manifest["csv"]["sha256"]}
    container.upload_blob(f"{PREFIX}clip.csv", table, metadata=metadata)
    return container


def test_fetched_results_are_checked_and_replace_the_old_ones(published, tmp_path):
    folder = tmp_path / "demo-results"
    folder.mkdir()
    (folder / "old").touch()
    fetch_results(published, folder)
    result = checked_result(published, folder, JOB)
    assert result.csv_file.read_bytes() == table_of()
    assert [file.name for file in folder.iterdir()] == [JOB["container"]]
    assert [file.name for file in tmp_path.iterdir()] == ["demo-results"]


def test_a_missing_table_or_manifest_is_not_whole(published, tmp_path):
    published.delete_blob(f"{PREFIX}attempt-1/manifest.json")
    fetch_results(published, tmp_path / "results")
    with pytest.raises(NotWhole, match="no manifest"):
        checked_result(published, tmp_path / "results", JOB)
    published.delete_blob(f"{PREFIX}clip.csv")
    with pytest.raises(NotWhole, match="0 results CSVs"):
        checked_result(published, tmp_path / "results", JOB)
