"""Publish results: artefacts first, the CSV last and create-only, since it is the commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import BlobExists, MediaNotFound
from service.jobs.result_place import ResultPlace
from service.storage.blob_store import Blobs

CSV_TYPE = "text/csv; charset=utf-8"


@dataclass(frozen=True)
class Artefact:
    """A file of an attempt beside its manifest."""

    name: str
    content: bytes | Path
    content_type: str


def publish_artefacts(
    blobs: Blobs, place: ResultPlace, attempt_id: str, manifest: Mapping[str, Any], artefacts: Sequence[Artefact] = ()
) -> None:
    """Upload an attempt's artefacts, its manifest last."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False).encode()
    for artefact in (*artefacts, Artefact("manifest.json", text, "application/json")):
        name = place.artefact(attempt_id, artefact.name)
        blobs.upload(place.container, name, artefact.content, content_type=artefact.content_type)


def commit(
    blobs: Blobs, place: ResultPlace, attempt_id: str, csv: Path, sha256: str, *, replacing: bool = False
) -> str:
    """Publish the CSV and thereby the result; returns the attempt that owns the published CSV.

    Where another attempt was first, its result stands. `replacing` overwrites it instead.
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
    """Look up the attempt of the published CSV; None where none is published."""
    try:
        return blobs.info(place.container, place.csv).metadata.get("attempt", "")
    except MediaNotFound:
        return None
