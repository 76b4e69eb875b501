"""Annotations of a result: stretches of a video that are not to be used, stored beside the result.

The table and the published manifest never change; reports and the collected table leave the stretches out when they are
made. A purge of the job deletes the annotations with its results.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.errors import MalformedOutput, MediaNotFound
from service.jobs.result_place import ResultPlace
from service.storage.blob_store import Blobs

NAME = "annotations.json"
MOST_STRETCHES = 1000
LONGEST_S = 30 * 24 * 3600.0

Span = tuple[float, float]


class Stretch(BaseModel):
    """A stretch of a video that is not to be used, in seconds of the table's `timestamp`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_s: float = Field(
        ge=0, le=LONGEST_S, allow_inf_nan=False, description="Frames from this time on are excluded…"
    )
    end_s: float = Field(ge=0, le=LONGEST_S, allow_inf_nan=False, description="…up to, and without, this time.")
    reason: str = Field(default="", max_length=500, description="For example: a hand before the face.")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.end_s <= self.start_s:
            raise ValueError("end_s must be after start_s")
        return self


class ExcludedStretch(Stretch):
    """A stretch with its author."""

    by: str = Field(description="Name of the key that excluded it; `anonymous` without keys.")
    at: datetime = Field(description="When, in UTC.")


class Annotations(BaseModel):
    """All annotations of a result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    excluded: tuple[ExcludedStretch, ...] = Field(default=(), max_length=MOST_STRETCHES)

    @property
    def spans(self) -> list[Span]:
        """The excluded stretches as start and end in seconds, in order of time."""
        return sorted((each.start_s, each.end_s) for each in self.excluded)

    @property
    def digest(self) -> str:
        """A text that differs where anything differs; empty without annotations."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:16] if self.excluded else ""

    def replaced(self, stretches: list[Stretch], by: str, at: datetime) -> Annotations:
        """Replace the excluded stretches; those that are there already keep their author and time."""
        known = {(each.start_s, each.end_s, each.reason): each for each in self.excluded}
        kept = (
            known.get((each.start_s, each.end_s, each.reason)) or ExcludedStretch(**each.model_dump(), by=by, at=at)
            for each in stretches
        )
        return Annotations(excluded=tuple(sorted(kept, key=lambda each: (each.start_s, each.end_s))))


NO_ANNOTATIONS = Annotations()


def blob_name(place: ResultPlace) -> str:
    """Name of the blob with a job's annotations."""
    return f"{place.folder}{NAME}"


def read_annotations(blobs: Blobs, place: ResultPlace) -> Annotations:
    """Read a job's annotations; empty where there are none. Raises MalformedOutput for another form."""
    try:
        return parse(blobs.read(place.container, blob_name(place)))
    except MediaNotFound:
        return NO_ANNOTATIONS


def annotations_beside(csv: Path) -> Annotations:
    """Read the annotations in a table's folder; empty where there are none. Raises MalformedOutput."""
    file = csv.parent / NAME
    return parse(file.read_bytes()) if file.is_file() else NO_ANNOTATIONS


def write_annotations(blobs: Blobs, place: ResultPlace, annotations: Annotations) -> None:
    """Store a job's annotations."""
    text = annotations.model_dump_json(indent=2).encode()
    blobs.upload(place.container, blob_name(place), text, content_type="application/json")


def parse(text: bytes) -> Annotations:
    """Parse annotations. Raises MalformedOutput for another form: using excluded stretches silently would be wrong."""
    try:
        return Annotations.model_validate_json(text)
    except ValidationError as error:
        raise MalformedOutput(f"the annotations of the result cannot be read: {error.errors()[0]['msg']}") from error
