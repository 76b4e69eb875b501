"""Write the collected table as Parquet or CSV, by its name; the file appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from service.results.collect.join import text_columns
from service.storage.local_files import replacing

SUFFIXES = (".parquet", ".csv")

FORMULA = r"^([=+\-@\t\r])"
"""Beginning of texts that spreadsheets read as a formula (OWASP, CSV Injection)."""

Write = Callable[[pa.Table], None]


@contextmanager
def table_writer(out: Path, schema: pa.Schema) -> Iterator[Write]:
    """Yield a function that writes chunks; the file appears under its name at the end, if nothing was raised."""
    chunks = _parquet if out.suffix == ".parquet" else _csv
    with replacing(out) as beside, chunks(str(beside), schema) as write:
        yield write


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
        yield lambda chunk: writer.write_table(harmless(chunk))


def harmless(chunk: pa.Table) -> pa.Table:
    """Put an apostrophe before texts that a spreadsheet would read as a formula; numbers stay as they are."""
    for name in text_columns(chunk.schema):
        column = pc.replace_substring_regex(chunk[name], FORMULA, r"'\1")
        chunk = chunk.set_column(chunk.schema.get_field_index(name), chunk.schema.field(name), column)
    return chunk
