"""The collected table as a file that is there whole or not at all: Parquet or CSV, by its name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from service.results.collect.join import text_columns

SUFFIXES = (".parquet", ".csv")

FORMULA = r"^([=+\-@\t\r])"
"""How a text begins that spreadsheets take for a formula (OWASP, CSV Injection)."""

Write = Callable[[pa.Table], None]


@contextmanager
def written(out: Path, schema: pa.Schema) -> Iterator[Write]:
    """Gives what writes pieces; the file appears under its name at the end, if nothing was raised."""
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    os.close(handle)
    try:
        with (_parquet if out.suffix == ".parquet" else _csv)(name, schema) as write:
            yield write
        Path(name).chmod(0o644)
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _parquet(name: str, schema: pa.Schema) -> Iterator[Write]:
    texts = text_columns(schema)
    # Dictionaries pay for texts that repeat; statistics of 700 columns a row group would pile up in memory.
    options = {"compression": "zstd", "use_dictionary": texts, "write_statistics": [*texts, "frame", "timestamp"]}
    with parquet.ParquetWriter(name, schema, **options) as writer:
        yield writer.write_table


@contextmanager
def _csv(name: str, schema: pa.Schema) -> Iterator[Write]:
    with arrow_csv.CSVWriter(name, schema) as writer:
        yield lambda piece: writer.write_table(harmless(piece))


def harmless(piece: pa.Table) -> pa.Table:
    """Texts that a spreadsheet would take for a formula get an apostrophe in front; numbers stay what they are."""
    for name in text_columns(piece.schema):
        column = pc.replace_substring_regex(piece[name], FORMULA, r"'\1")
        piece = piece.set_column(piece.schema.get_field_index(name), piece.schema.field(name), column)
    return piece
