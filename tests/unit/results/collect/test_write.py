"""The collected file: whole or not there, and harmless in a spreadsheet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from service.results.collect.write import harmless, table_writer

SCHEMA = pa.schema({"blob": pa.string(), "frame": pa.int64(), "timestamp": pa.float64()})


def chunk(blob: str | None, frame: int = 1, timestamp: float | None = -0.5) -> pa.Table:
    return pa.table({"blob": [blob], "frame": [frame], "timestamp": [timestamp]}, schema=SCHEMA)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert harmless(chunk(text)).to_pylist() == [{"blob": f"'{text}", "frame": 1, "timestamp": -0.5}]


@pytest.mark.parametrize("text", ["a=1.jpg", "", None, "'=1"])
def test_other_texts_stay_as_they_are(text: str | None) -> None:
    assert harmless(chunk(text)).to_pylist()[0]["blob"] == text


def test_a_csv_has_one_header_and_empty_cells_for_null(tmp_path: Path) -> None:
    with table_writer(tmp_path / "t.csv", SCHEMA) as write:
        write(chunk("=a", 1, None))
        write(chunk("b", 2, 0.25))
    assert (tmp_path / "t.csv").read_text().splitlines() == ['"blob","frame","timestamp"', '"\'=a",1,', '"b",2,0.25']


def test_parquet_keeps_texts_as_they_are(tmp_path: Path) -> None:
    with table_writer(tmp_path / "t.parquet", SCHEMA) as write:
        write(chunk("=a"))
    assert parquet.read_table(tmp_path / "t.parquet").to_pylist() == [{"blob": "=a", "frame": 1, "timestamp": -0.5}]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_collection_that_breaks_off_leaves_the_older_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("older")
    with pytest.raises(KeyError), table_writer(tmp_path / name, SCHEMA) as write:
        write(chunk("a"))
        raise KeyError
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, "older")]
