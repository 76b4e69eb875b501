"""The child that collects a study: each result once in the tables, one with a fault in none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet
import pytest

from service.jobs.study_place import CSV, PARQUET
from service.results.study import child
from tests.fixtures.comparable_results import frame, result

FACTS = {"at": "2026-01-02T00:00:00Z", "states": {"succeeded": 2}, "results": 2, "failures": [], "unreadable": []}


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "study"
    folder.mkdir()
    child._begin(b"", folder=str(folder))
    yield folder
    for made in child._studies:
        made._open.close()
    child._studies.clear()


def add(folder: Path, **changes: Any) -> dict[str, Any]:
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    return child._add(b"", name=folder.name, csv=str(folder / "t.csv"), manifest=manifest, annotations={})[0]


def test_results_become_two_tables_and_a_report(study: Path, tmp_path: Path) -> None:
    a = result(tmp_path / "a", "video", [frame(1, AU12_r=1.0), frame(2, AU12_r=3.0)])
    b = result(tmp_path / "b", "video", [frame(1, AU12_r=4.0)])
    assert (add(a), add(b)) == ({}, {})
    answer, report = child._end(b"", facts=FACTS, study="pilot")
    assert (answer["overview"]["rows"], answer["overview"]["quality"]["videos"]) == (3, 2)
    # Of the files' means 2 and 4.
    [unit] = [each for each in answer["overview"]["units"] if each["unit"] == "AU12"]
    assert (unit["files"], unit["mean"]) == (2, 3.0)
    assert b"pilot" in report
    table = parquet.read_table(study / PARQUET)
    assert table["blob"].to_pylist() == ["a.mp4", "a.mp4", "b.mp4"]
    assert arrow_csv.read_csv(study / CSV)["AU12_r"].to_pylist() == [1.0, 3.0, 4.0]


def test_a_result_with_a_fault_is_in_no_table(study: Path, tmp_path: Path) -> None:
    torn, odd, good = (result(tmp_path / name, "video", [frame(1), frame(2)]) for name in ("torn", "odd", "good"))
    (torn / "t.csv").write_text((torn / "t.csv").read_text()[:-4])
    assert add(torn)["failed"].startswith("MalformedOutput: ")
    assert add(odd, faces="two")["failed"].startswith("TypeError: ")
    assert add(good) == {}
    assert child._end(b"", facts=FACTS, study="pilot")[0]["overview"]["rows"] == 2
    assert parquet.read_table(study / PARQUET)["blob"].to_pylist() == ["good.mp4", "good.mp4"]


def test_a_study_without_results_has_tables_without_rows(study: Path) -> None:
    overview = child._end(b"", facts=FACTS | {"results": 0}, study="pilot")[0]["overview"]
    assert (overview["rows"], overview["units"]) == (0, [])
    assert parquet.read_table(study / PARQUET).num_rows == 0
