"""Find results: in folders as `analyse` and `download` write them, or in storage.

Each is yielded with its table as a file of the published SHA-256, or with the reason why it is skipped.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from service.errors import AnalysisError, MalformedOutput
from service.jobs.record import JobRecord
from service.jobs.result_place import PEOPLE, ResultPlace
from service.results.annotations import NO_ANNOTATIONS, Annotations, annotations_beside, read_annotations
from service.results.publish import published_attempt
from service.storage.blob_store import Blobs
from service.storage.local_files import sha256_of

# The child that writes one result's table needs no storage, and would load its clients for longer than it works.
if TYPE_CHECKING:
    from service.jobs.job_table import JobTable

MANIFEST = "manifest.json"

Problem = Literal["failed", "unreadable", "not finished"]


@dataclass(frozen=True)
class CollectedResult:
    """A result with its table.

    Attributes:
        people: content of its `people.json`; None where it has none.
        annotations: stretches that are not to be used.
    """

    name: str
    manifest: dict[str, Any]
    csv: Path
    people: dict[str, Any] | None = None
    annotations: Annotations = NO_ANNOTATIONS


@dataclass(frozen=True)
class SkippedResult:
    """A job or folder without a usable result, and the reason."""

    name: str
    problem: Problem
    why: str


def manifests_in(paths: Sequence[Path]) -> list[Path]:
    """List the manifests below folders or beside tables, each once, in order of name."""
    found: dict[Path, None] = {}
    for path in paths:
        beside = path.parent / MANIFEST
        files = sorted(path.rglob(MANIFEST)) if path.is_dir() else [beside]
        found |= dict.fromkeys(file.resolve() for file in files)
    return list(found)


def from_files(manifests: Iterable[Path]) -> Iterator[CollectedResult | SkippedResult]:
    """Yield results of local folders."""
    for file in manifests:
        name = file.parent.name
        try:
            manifest = dict(json.loads(file.read_text("utf-8")))
            if failure := _failure(name, manifest):
                yield failure
                continue
            csv = file.parent / Path(manifest["csv"]["name"]).name
            yield _checked(name, manifest, csv, sha256_of(csv), _people_beside(file), annotations_beside(csv))
        except (OSError, ValueError, KeyError, TypeError, MalformedOutput) as error:
            yield SkippedResult(name, "unreadable", f"{type(error).__name__}: {error}")


def from_storage(
    table: JobTable, blobs: Blobs, results_container: str, container: str | None, study: str = ""
) -> Iterator[CollectedResult | SkippedResult]:
    """Yield results from storage, newest first; of a job that was run again, only the newest success.

    Args:
        container: only the jobs of this container of uploads; None for all.
        study: only the jobs of this study; empty for all.
    """
    records = _of_study(table, study) if study else table.records(container=container)
    with tempfile.TemporaryDirectory(prefix="collect-") as room:
        for _, found in of_records(records, blobs, results_container, Path(room)):
            yield found


def _of_study(table: JobTable, study: str) -> Iterator[JobRecord]:
    # Imported here: see above.
    from service.jobs.study_pages import StudyPages

    return (record for _, record in StudyPages(table).all_jobs(study))


def of_records(
    records: Iterable[JobRecord], blobs: Blobs, results_container: str, room: Path
) -> Iterator[tuple[JobRecord, CollectedResult | SkippedResult]]:
    """Yield the results of jobs, newest first; of a job that was run again, only the newest success.

    Args:
        room: folder for tables, each of which is deleted when the next one is asked for.
    """
    seen: set[str] = set()
    for record in records:
        name = f"{record.job.container}/{record.job.blob}"
        if record.state in ("cancelled", "superseded") or _first_generation(record) in seen:
            continue
        if record.state != "succeeded":
            problem: Problem = "failed" if record.state == "failed" else "not finished"
            yield record, SkippedResult(name, problem, record.error_code or record.state)
            continue
        seen.add(_first_generation(record))
        csv = room / "result.csv"
        try:
            yield record, _fetched(name, blobs, ResultPlace.of(record.job, results_container), csv)
        except (AnalysisError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, AnalysisError) and error.retryable:
                raise
            yield record, SkippedResult(name, "unreadable", str(error))
        finally:
            csv.unlink(missing_ok=True)


def _first_generation(record: JobRecord) -> str:
    return replace(record.job, generation=0).job_id


def _fetched(name: str, blobs: Blobs, place: ResultPlace, csv: Path) -> CollectedResult | SkippedResult:
    attempt = published_attempt(blobs, place)
    manifest = dict(json.loads(blobs.read(place.container, place.manifest(attempt or ""))))
    digest = hashlib.sha256()
    with csv.open("wb") as file:
        for chunk in blobs.stream(place.container, place.csv):
            digest.update(chunk)
            file.write(chunk)
    people = None
    if manifest["job"].get("options", {}).get("gallery"):
        people = dict(json.loads(blobs.read(place.container, place.artefact(attempt or "", PEOPLE))))
    return _checked(name, manifest, csv, digest.hexdigest(), people, read_annotations(blobs, place))


def _people_beside(manifest: Path) -> dict[str, Any] | None:
    file = manifest.parent / PEOPLE
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else None


def _failure(name: str, manifest: dict[str, Any]) -> SkippedResult | None:
    if manifest["outcome"] == "succeeded":
        return None
    error = manifest.get("error") or {}
    return SkippedResult(name, "failed", str(error.get("code", "")))


def _checked(
    name: str, manifest: dict[str, Any], csv: Path, sha256: str, people: dict[str, Any] | None, annotations: Annotations
) -> CollectedResult | SkippedResult:
    if sha256 != manifest["csv"]["sha256"]:
        return SkippedResult(name, "unreadable", "the table differs from its manifest's SHA-256")
    return CollectedResult(name, manifest, csv, people, annotations)
