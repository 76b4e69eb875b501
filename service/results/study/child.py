"""Child process that collects the results of one study: it writes the tables, and renders the report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from service.errors import AnalysisError
from service.jobs.study_place import CSV, PARQUET
from service.results.annotations import Annotations
from service.results.collect.columns import Layout
from service.results.collect.join import Collector
from service.results.collect.sources import CollectedResult
from service.results.collect.write import Write, table_writer
from service.results.manifest_reader import ManifestReader
from service.results.report import table_reader
from service.results.study.distribution import Distribution
from service.results.study.overview import StudyOverview
from service.results.study.page import page
from service.sandbox.child_loop import Act, Answer, serve

GROUPS = ("gaze", "head-pose", "action-units")
"""Measured columns of the table; `collect --study` writes all of them."""


class _Study:
    """The study in work."""

    def __init__(self, folder: Path) -> None:
        layout = Layout.of(GROUPS)
        self._open = ExitStack()
        self._writers: list[Write] = [
            self._open.enter_context(table_writer(folder / name, layout.schema)) for name in (CSV, PARQUET)
        ]
        self._collector = Collector(layout)
        self.distribution = Distribution()
        self.rows = 0

    def add(self, found: CollectedResult) -> None:
        """Add a result. Raises MalformedOutput, KeyError, TypeError."""
        facts = ManifestReader(found.manifest)
        # Read as a whole first: a table with a fault adds no row.
        table = table_reader.read(found.csv, facts.media)
        for chunk in self._collector.add(found):
            self._write(chunk)
        self.distribution.add(table, facts, found.annotations)
        self.rows += len(table)

    def close(self) -> None:
        """Write what is left; the tables appear."""
        for chunk in self._collector.flush():
            self._write(chunk)
        self._open.close()

    def _write(self, chunk: Any) -> None:
        for write in self._writers:
            write(chunk)


_studies: list[_Study] = []


def _hello(_body: bytes) -> Answer:
    """Everything is imported."""
    return {}, b""


def _begin(_body: bytes, *, folder: str) -> Answer:
    """Begin the tables in a folder."""
    _studies[:] = [_Study(Path(folder))]
    return {}, b""


def _add(_body: bytes, *, name: str, csv: str, manifest: dict[str, Any], annotations: dict[str, Any]) -> Answer:
    """Add a result; `failed` says why it cannot be read."""
    [study] = _studies
    try:
        study.add(CollectedResult(name, manifest, Path(csv), annotations=Annotations.model_validate(annotations)))
    except (AnalysisError, KeyError, TypeError, ValueError) as error:
        return {"failed": f"{type(error).__name__}: {error}"[:300]}, b""
    return {}, b""


def _end(_body: bytes, *, facts: dict[str, Any], study: str) -> Answer:
    """Close the tables, and render the report from the overview."""
    [made] = _studies
    made.close()
    overview = StudyOverview(
        **facts, rows=made.rows, quality=made.distribution.quality(), units=made.distribution.units()
    )
    return {"overview": overview.model_dump(mode="json")}, page(study, overview).encode()


_ACTS: dict[str, Act] = {"hello": _hello, "begin": _begin, "add": _add, "end": _end}

if __name__ == "__main__":
    serve(_ACTS)
