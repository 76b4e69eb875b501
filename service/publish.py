"""Where results go, and in which order: artefacts first, the CSV last and create-only, since it is the commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import BlobExists, MediaNotFound
from service.job import AnalysisJob
from service.storage.blob_store import Blobs

OWN_CONTAINER = "{container}"
"""Value of the results container that keeps results beside the upload."""

OWN_FOLDER = "_results/"
LONGEST_NAME = 1024
LONGEST_STEM = 120
CSV_TYPE = "text/csv; charset=utf-8"
PEOPLE = "people.json"
"""Artefact of jobs that name a gallery: who was matched."""


@dataclass(frozen=True)
class ResultPlace:
    """Names of everything that one job publishes.

    Attributes:
        container: the container of the results.
        folder: of the job, with a slash at its end.
        stem: of the CSV.
    """

    container: str
    folder: str
    stem: str

    @classmethod
    def of(cls, job: AnalysisJob, results_container: str) -> ResultPlace:
        """The place in a storage account."""
        stem = _shortened(job.stem, LONGEST_STEM)
        own = results_container == OWN_CONTAINER
        before = OWN_FOLDER if own else f"{job.container}/"
        # Room for the job id, the attempt id, the longest artefact's name and the slashes between them.
        room = LONGEST_NAME - len(before) - len(stem) - 120
        folder = f"{before}{_shortened(job.blob, room)}/{job.job_id}/"
        return cls(job.container if own else results_container, folder, stem)

    @classmethod
    def in_folder(cls, job: AnalysisJob) -> ResultPlace:
        """The place in a plain folder: one sub-folder a media file."""
        return cls(".", f"{job.blob}/", job.stem)

    @property
    def csv(self) -> str:
        return f"{self.folder}{self.stem}.csv"

    def artefact(self, attempt_id: str, name: str) -> str:
        """Name of an artefact; an attempt without an id keeps them beside the CSV."""
        return f"{self.folder}{attempt_id}/{name}" if attempt_id else f"{self.folder}{name}"

    def manifest(self, attempt_id: str) -> str:
        return self.artefact(attempt_id, "manifest.json")


def is_result(container: str, blob: str, results_container: str) -> bool:
    """Whether a blob is one of ours, and so never media to be analysed."""
    return container == results_container or blob.startswith(OWN_FOLDER)


@dataclass(frozen=True)
class Artefact:
    """A file of an attempt, besides its manifest."""

    name: str
    content: bytes | Path
    content_type: str


def publish_artefacts(
    blobs: Blobs, place: ResultPlace, attempt_id: str, manifest: Mapping[str, Any], artefacts: Sequence[Artefact] = ()
) -> None:
    """Put the manifest, and before it what else the attempt has made, beside where the CSV will be."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False).encode()
    for artefact in (*artefacts, Artefact("manifest.json", text, "application/json")):
        name = place.artefact(attempt_id, artefact.name)
        blobs.upload(place.container, name, artefact.content, content_type=artefact.content_type)


def commit(
    blobs: Blobs, place: ResultPlace, attempt_id: str, csv: Path, sha256: str, *, replacing: bool = False
) -> str:
    """Publish the CSV and with it the result; returns the attempt whose result it is.

    Where another attempt was first, its result stands and ours is left aside. `replacing` overwrites instead.
    """
    try:
        blobs.upload(
            place.container,
            place.csv,
            csv,
            content_type=CSV_TYPE,
            metadata={"attempt": attempt_id, "sha256": sha256},
            create_only=not replacing,
        )
    except BlobExists:
        return published_attempt(blobs, place) or attempt_id
    return attempt_id


def published_attempt(blobs: Blobs, place: ResultPlace) -> str | None:
    """The attempt whose CSV is there; None where none is."""
    try:
        return blobs.info(place.container, place.csv).metadata.get("attempt", "")
    except MediaNotFound:
        return None


def _shortened(name: str, longest: int) -> str:
    """The name itself, or where it is too long its beginning and a hash that keeps it unique."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: longest - 17].rstrip('/. ')}~{digest}"
