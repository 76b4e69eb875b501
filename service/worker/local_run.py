"""Run the pipeline on local files, without storage, for `python -m service analyse`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from service.errors import AnalysisError, UnsupportedMedia
from service.jobs.job import AnalysisJob, log_context
from service.jobs.media_files import Found
from service.jobs.media_kind import MediaType
from service.jobs.names import OWN_CONTAINER
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from service.jobs.sequence import Member, etag_of, freeze, members_of
from service.logs import continued_trace
from service.worker.attempt_context import AttemptContext, Watch
from service.worker.pipeline import Pipeline

Outcome = Literal["analysed", "kept", "failed"]


@dataclass(frozen=True)
class Done:
    """The outcome of one file; `manifest` as published, also of a failure where one could be written."""

    name: str
    outcome: Outcome
    csv: Path | None
    manifest: dict[str, Any] | None
    error: AnalysisError | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the line of `--json`."""
        return {
            "file": self.name,
            "outcome": self.outcome,
            "csv": str(self.csv) if self.csv else None,
            "error": {"code": self.error.code, "message": self.error.message} if self.error else None,
            "manifest": self.manifest,
        }


@dataclass(frozen=True)
class LocalRun:
    """Analyses files into one folder.

    Attributes:
        again: repeat files that have a whole result of the same engine, file and options.
    """

    pipeline: Pipeline
    out: Path
    media_type: MediaType
    options: dict[str, str]
    again: bool = False

    def analyse(self, files: Sequence[Found], watch: Callable[[Found, str, float], None]) -> Iterator[Done]:
        """Analyse one file after the other; a failure does not stop the rest."""
        for file in files:
            yield self._one(file, partial(watch, file))

    def _one(self, file: Found, watch: Watch) -> Done:
        try:
            job = self._job(file)
        except AnalysisError as error:
            return Done(file.name, "failed", None, None, error)
        place = self._place(job)
        csv = self.out / place.csv
        attempt = AttemptContext(job, place, attempt_id="", number=1, worker="by hand", watch=watch)
        with log_context(job, continued_trace(None)):
            kept = None if self.again else self._kept(job, place)
            if kept:
                return Done(file.name, "kept", csv, kept)
            try:
                if job.media == "sequence":
                    freeze(self.pipeline.results, place, self._members(file.name), replacing=True)
                self.pipeline.run(attempt)
            except AnalysisError as error:
                csv.unlink(missing_ok=True)
                return Done(file.name, "failed", None, self.pipeline.publish_failure(attempt, error), error)
            return Done(file.name, "analysed", csv, self._manifest(place))

    def _job(self, file: Found) -> AnalysisJob:
        if file.media is None:
            raise UnsupportedMedia(f"{file.name} is not known as a picture or a video by its extension")
        options = JobOptions.resolve(file.media, self.media_type, self.options)
        if file.media == "sequence":
            return self._sequence(file.name, options)
        etag = self.pipeline.source.info(".", file.name).etag
        return AnalysisJob(".", file.name, etag, file.media, self.media_type, options)

    def _place(self, job: AnalysisJob) -> ResultPlace:
        """Return the file's folder, or one beside it where it holds a result of the same file by other options."""
        place = ResultPlace.in_folder(job)
        try:
            manifest = self._manifest(place)
            other = manifest["job"]
            is_other = bool(manifest["csv"]) and other["etag"] == job.etag and other["id"] != job.job_id
        except (OSError, ValueError, KeyError, TypeError):
            is_other = False
        return ResultPlace.in_folder(job, beside=True) if is_other else place

    def _sequence(self, name: str, options: JobOptions) -> AnalysisJob:
        etag = etag_of(self._members(name))
        return AnalysisJob(".", name, etag, "sequence", self.media_type, options)

    def _members(self, name: str) -> list[Member]:
        return members_of(self.pipeline.source, ".", name, OWN_CONTAINER)

    def _kept(self, job: AnalysisJob, place: ResultPlace) -> dict[str, Any] | None:
        """Return the manifest of an existing result that is whole and of the same job and engine."""
        try:
            manifest = self._manifest(place)
            whole = self.pipeline.results.info(place.container, place.csv).etag == manifest["csv"]["sha256"][:32]
            engine = manifest["engine"]
            own = self.pipeline.engine_of(job)
            same = (engine["name"], engine["version"], engine["commit"]) == (own.name, own.version, own.commit)
            return manifest if whole and same and manifest["job"]["id"] == job.job_id else None
        except (AnalysisError, OSError, ValueError, KeyError, TypeError):
            return None

    def _manifest(self, place: ResultPlace) -> dict[str, Any]:
        return dict(json.loads((self.out / place.manifest("")).read_text("utf-8")))
