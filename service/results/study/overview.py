"""The overview of a study, as it is stored and answered. Light to import, for web processes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import MediaNotFound
from service.jobs.record import now
from service.jobs.study_place import StudyPlace
from service.storage.blob_store import Blobs

SILENT_AFTER = timedelta(minutes=10)
"""A request without news for so long is given up: no worker took it, or the one that did has died."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Failures(_Part):
    """Failed jobs of one kind."""

    code: str
    count: int
    files: list[str] = Field(description="Names of some of them.")


class StudyQuality(_Part):
    """Quality of all results together."""

    videos: int
    pictures: int
    frames: int = Field(description="Expected frames of all videos.")
    frames_with_face: int = Field(description="Frames of videos with a face.")
    frames_used: int = Field(description="Frames of videos with a row that passes the quality gate.")
    pictures_with_face: int
    confidence: float | None = Field(description="Mean confidence of the rows with a face; null without any.")
    gaps: int = Field(description="Stretches of half a second or more without a face that passes the quality gate.")
    gaps_s: float = Field(description="Their length together, in seconds.")
    partial: int = Field(description="Results that do not cover their whole media.")


class UnitOfStudy(_Part):
    """One action unit over all results; statistics are of the files' means, so that long videos weigh as short ones."""

    unit: str
    files: int
    mean: float
    sd: float
    min: float
    p25: float
    p50: float
    p75: float
    max: float
    rows: int = Field(description="Rows that pass the quality gate.")
    bars: list[int] = Field(description="These rows by intensity, in equal steps from 0 to 5.")
    means: list[int] = Field(description="Files by their mean, in the same steps.")


class StudyOverview(_Part):
    """A study as it was when its table and report were made."""

    at: datetime
    states: dict[str, int] = Field(description="Jobs by state, as they were then.")
    results: int = Field(description="In the table; of a job that was run again the newest success.")
    rows: int
    quality: StudyQuality
    failures: list[Failures]
    unreadable: list[str] = Field(description="Results that are not in the table, with the reason.")
    units: list[UnitOfStudy]


class CurrentStudy(_Part):
    """What was made last: its overview, and the folder of its files."""

    made: str
    overview: StudyOverview

    @classmethod
    def find(cls, blobs: Blobs, place: StudyPlace) -> Self | None:
        """Read it; None where nothing was made, or by a release whose overview has another form."""
        try:
            return cls.model_validate_json(blobs.read(place.container, place.current))
        except (MediaNotFound, ValidationError):
            return None

    def keep(self, blobs: Blobs, place: StudyPlace) -> None:
        """Store it: from now on its files are the study's."""
        _write(blobs, place.container, place.current, self)


class Making(_Part):
    """A request for table and report."""

    asked: datetime
    at: datetime = Field(description="Last news of it.")
    done: int | None = Field(description="Results read so far; null before a worker took it.")
    failed: str | None = Field(description="Why it could not be made.")

    @property
    def is_alive(self) -> bool:
        """Whether a worker may still be at it."""
        return self.failed is None and now() - self.at < SILENT_AFTER

    @classmethod
    def asked_now(cls) -> Self:
        """Make a new request."""
        moment = now()
        return cls(asked=moment, at=moment, done=None, failed=None)

    @classmethod
    def find(cls, blobs: Blobs, place: StudyPlace) -> Self | None:
        """Read it; None where there is none."""
        try:
            return cls.model_validate_json(blobs.read(place.container, place.making))
        except (MediaNotFound, ValidationError):
            return None

    def keep(self, blobs: Blobs, place: StudyPlace) -> None:
        """Store it."""
        _write(blobs, place.container, place.making, self)


def _write(blobs: Blobs, container: str, name: str, value: BaseModel) -> None:
    blobs.upload(container, name, value.model_dump_json().encode(), content_type="application/json")
