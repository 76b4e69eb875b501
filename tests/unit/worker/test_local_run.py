"""Files are analysed one after the other into a folder; a whole result is kept, and a failure leaves no older table."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from service.engine.installed import Engine
from service.errors import AnalysisError, UnreadableMedia
from service.jobs.job import AnalysisJob
from service.jobs.media_files import Found
from service.storage.folder import FolderBlobs
from service.worker.attempt_context import AttemptContext
from service.worker.local_run import Done, LocalRun
from service.worker.pipeline import Pipeline
from tests.fixtures.jobs import engine


@dataclass
class Bench:
    """A folder of files, and a stand-in of the pipeline; `bad` are the files that it cannot analyse."""

    folder: Path
    engine: Engine = field(default_factory=lambda: engine("ok"))
    bad: set[str] = field(default_factory=set)
    analysed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = FolderBlobs(self.folder / "in")
        self.results = FolderBlobs(self.folder / "out")
        (self.folder / "out").mkdir()

    def put(self, name: str, content: str = "x") -> None:
        self.source.upload(".", name, content.encode(), content_type="")

    def engine_of(self, job: AnalysisJob) -> Engine:
        return self.engine

    def run(self, attempt: AttemptContext) -> None:
        self.analysed.append(attempt.job.blob)
        if attempt.job.blob in self.bad:
            raise UnreadableMedia("bad")
        table = json.dumps(attempt.job.as_dict()).encode()
        self.results.upload(".", attempt.place.csv, table, content_type="")
        self._publish(attempt, {"sha256": hashlib.sha256(table).hexdigest()})

    def publish_failure(self, attempt: AttemptContext, error: AnalysisError) -> dict[str, Any]:
        return self._publish(attempt, None)

    def _publish(self, attempt: AttemptContext, csv: dict[str, str] | None) -> dict[str, Any]:
        own = {"name": self.engine.name, "version": self.engine.version, "commit": self.engine.commit}
        manifest = {"csv": csv, "engine": own, "job": {"id": attempt.job.job_id, "etag": attempt.job.etag}}
        self.results.upload(".", attempt.place.manifest(""), json.dumps(manifest).encode(), content_type="")
        return manifest

    def analyse(self, *names: str, again: bool = False, **options: str) -> list[Done]:
        run = LocalRun(cast(Pipeline, self), self.folder / "out", "posed", options, again)
        files = [Found(self.folder / name, name, "image" if name.endswith(".jpg") else None) for name in names]
        return list(run.analyse(files, lambda file, stage, progress: None))

    @property
    def tables(self) -> list[str]:
        out = self.folder / "out"
        return sorted(path.relative_to(out).as_posix() for path in out.rglob("*.csv"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.put("a.jpg")
    made.put("b.jpg")
    return made


def test_a_file_that_fails_stops_no_other(bench: Bench) -> None:
    bench.bad = {"a.jpg"}
    done = bench.analyse("a.jpg", "notes.txt", "missing.jpg", "b.jpg")
    assert [one.outcome for one in done] == ["failed", "failed", "failed", "analysed"]
    assert [one.error.code for one in done if one.error] == ["unreadable_media", "unsupported_media", "media_not_found"]
    assert bench.tables == ["b.jpg/b.csv"]
    assert done[3].csv == bench.folder / "out" / "b.jpg" / "b.csv"


def test_a_whole_result_is_kept_unless_it_is_asked_for_again(bench: Bench) -> None:
    bench.analyse("a.jpg")
    [kept] = bench.analyse("a.jpg")
    assert (kept.outcome, kept.csv) == ("kept", bench.folder / "out" / "a.jpg" / "a.csv")
    assert bench.analyse("a.jpg", again=True)[0].outcome == "analysed"
    assert bench.analysed == ["a.jpg", "a.jpg"]


def test_a_result_that_was_changed_or_is_of_another_file_or_engine_is_made_anew(bench: Bench) -> None:
    def outcome() -> str:
        [done] = bench.analyse("a.jpg")
        return done.outcome

    assert outcome() == "analysed"
    (bench.folder / "out" / "a.jpg" / "a.csv").write_text("changed")
    assert outcome() == "analysed"
    bench.put("a.jpg", "new")
    assert outcome() == "analysed"
    bench.engine = replace(bench.engine, version="of another release")
    assert (outcome(), outcome()) == ("analysed", "kept")


def test_a_file_that_fails_now_has_no_table_of_before(bench: Bench) -> None:
    bench.analyse("a.jpg")
    bench.bad = {"a.jpg"}
    [done] = bench.analyse("a.jpg", again=True)
    assert (done.outcome, done.csv, bench.tables) == ("failed", None, [])
    assert done.manifest


def test_results_of_other_options_lie_side_by_side(bench: Bench) -> None:
    bench.analyse("a.jpg")
    [done] = bench.analyse("a.jpg", faces="one")
    assert len(bench.tables) == 2
    assert bench.tables[0] == "a.jpg/a.csv"
    assert bench.tables[1].startswith("a.jpg~")
    assert done.as_dict()["csv"] == str(bench.folder / "out" / bench.tables[1])
