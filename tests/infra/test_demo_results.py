import hashlib
import json

import pytest

from infra.local.demo_results import COLUMNS, NotWhole, checked_results, differences, replace_folder


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
    assert differences(table, manifest) == []


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
    assert named in "; ".join(differences(table, manifest))


def test_a_partial_result_is_not_whole():
    manifest = manifest_of(table_of()) | {"completeness": {"verdict": "partial", "reason": "truncated"}}
    assert differences(table_of(), manifest) == ["completeness: 'partial' instead of 'complete'"]


@pytest.fixture
def downloaded(tmp_path):
    folder = tmp_path / "results.new"
    result = folder / "clip.mp4~000000000000"
    result.mkdir(parents=True)
    (result / "clip.csv").write_bytes(table_of())
    (result / "manifest.json").write_text(json.dumps(manifest_of(table_of())))
    return folder


def test_downloaded_results_are_checked_and_replace_the_old_ones(downloaded, tmp_path):
    folder = tmp_path / "demo-results"
    folder.mkdir()
    (folder / "old").touch()
    replace_folder(downloaded, folder)
    [result] = checked_results(folder, 1)
    assert result.csv_file.read_bytes() == table_of()
    assert [file.name for file in tmp_path.iterdir()] == ["demo-results"]
    assert not (folder / "old").exists()


def test_a_missing_table_or_result_is_not_whole(downloaded):
    with pytest.raises(NotWhole, match="1 results instead of 2"):
        checked_results(downloaded, 2)
    table = downloaded / "clip.mp4~000000000000" / "clip.csv"
    table.write_bytes(table_of(rows=2))
    with pytest.raises(NotWhole, match="sha256"):
        checked_results(downloaded, 1)
    table.unlink()
    with pytest.raises(NotWhole, match="0 results CSVs"):
        checked_results(downloaded, 1)
