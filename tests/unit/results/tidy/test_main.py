"""The child that writes a tidy table: all rows, null for what was not measured, stretches marked."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from service.errors import MalformedOutput
from service.results.collect.columns import Layout
from service.results.tidy.__main__ import main
from tests.fixtures.comparable_results import frame, result

STRETCH = {"start_s": 0.03, "end_s": 0.05, "by": "lab", "at": "2026-01-02T03:04:05Z"}


def request(folder: Path) -> dict[str, object]:
    manifest = json.loads((folder / "manifest.json").read_text())
    annotations = {"excluded": [STRETCH]}
    return {
        "csv": str(folder / "t.csv"),
        "out": str(folder / "tidy.parquet"),
        "manifest": manifest,
        "annotations": annotations,
    }


def test_a_table_becomes_tidy(tmp_path: Path) -> None:
    folder = result(tmp_path / "v", "video", [frame(n, AU12_r=float(n)) for n in (1, 2, 3)])
    main(request(folder))
    table = parquet.read_table(folder / "tidy.parquet")
    assert table.schema.equals(Layout.of().schema)
    found = [
        (row["blob"], row["frame"], row["AU12_r"], row["AU04_r"], row["excluded"], row["good"])
        for row in table.to_pylist()
    ]
    # The second frame is at 1/30 s.
    assert found == [
        ("v.mp4", 1, 1.0, None, False, True),
        ("v.mp4", 2, 2.0, None, True, False),
        ("v.mp4", 3, 3.0, None, False, True),
    ]


def test_a_torn_table_leaves_no_file(tmp_path: Path) -> None:
    folder = result(tmp_path / "v", "video", [frame(1)])
    (folder / "t.csv").write_text((folder / "t.csv").read_text()[:-3])
    with pytest.raises(MalformedOutput):
        main(request(folder))
    assert not (folder / "tidy.parquet").exists()
