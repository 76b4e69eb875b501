"""A job as a value: its identity, its options, and its form as a queue message."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from service.errors import BadJob, BadRequest
from service.jobs import options
from service.jobs.media_kind import JobMedia, Media, MediaType
from service.jobs.names import check_blob, is_container_name
from service.jobs.options import JobOptions
from service.logs import bound_to_trace, is_traceparent

SINCE_SEQUENCES = 2
"""The first message schema with sequences of pictures."""

SCHEMA = max(options.SCHEMA, SINCE_SEQUENCES)
"""Newest version of the queue message that this release reads; it writes the oldest that has all that a job uses."""

NEWEST_SCHEMA = SCHEMA + 10
"""A message of a schema up to here may be a newer release's; beyond it is no job."""

PROBLEMS_REPORTED = 3

Name = Annotated[str, StringConstraints(min_length=1)]
ETAG = re.compile(r"[!#-~]{1,200}")

T = TypeVar("T")


def _check_created(created: datetime) -> datetime:
    # Rows of lists are made of this time, and have room for these years only.
    if not 2000 <= created.year < 3000:
        raise ValueError("not a time of a submission")
    return created.astimezone(UTC)


@dataclass(frozen=True)
class AnalysisJob:
    """One media item to be analysed in one way.

    Attributes:
        container: blob container of the upload.
        blob: its name inside the container; of a sequence the prefix of its pictures, without a slash at its end.
        etag: ETag without quotes (listings and events leave them out, properties do not); see `sequence.etag_of`.
        generation: 0; an explicit re-run of a finished job adds one.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    container: Name
    blob: Name
    etag: Name
    media: JobMedia
    media_type: MediaType
    options: JobOptions
    generation: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @cached_property
    def job_id(self) -> str:
        """32 hex digits; the same media analysed in the same way has the same id."""
        canonical = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:32]

    @property
    def stem(self) -> str:
        """Name of the results: see `stem_of`; of a sequence the last segment of its prefix."""
        return self.blob.rsplit("/", 1)[-1] if self.media == "sequence" else stem_of(self.blob)

    @property
    def kind(self) -> Media:
        """How the media is measured."""
        return "image" if self.media == "image" else "video"

    @property
    def schema(self) -> int:
        """The first message schema that can express this job."""
        return max(self.options.schema, SINCE_SEQUENCES if self.media == "sequence" else 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the job as in messages, records and manifests."""
        return {
            "container": self.container,
            "blob": self.blob,
            "etag": self.etag,
            "media": self.media,
            "media_type": self.media_type,
            "options": self.options.as_dict(),
            "generation": self.generation,
        }

    def as_json(self) -> str:
        """Return `as_dict` as JSON in ASCII."""
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> AnalysisJob:
        """Inverse of `as_json`.

        Raises:
            BadJob: a field is missing, unknown or of the wrong type.
        """
        return _validated(_JOB, text)


class NewerJob(BadJob):
    """The queue message is of a newer release's schema; a worker of that release will take it."""


@dataclass(frozen=True)
class QueuedJob:
    """A job and the trace it belongs to, as it travels through the queue: references only, no media.

    Attributes:
        created, version: of the job's record when the message was sent, so that the worker that claims it first need
            not read it; None and empty in messages without them.
    """

    job: AnalysisJob
    traceparent: str
    created: datetime | None = None
    version: str = ""

    def encode(self) -> str:
        """Return the message's text: plain JSON in ASCII, well under the queue's 64 KiB."""
        record = {"created": self.created.isoformat(), "version": self.version} if self.created else None
        return json.dumps(
            {
                "schema": self.job.schema,
                "job_id": self.job.job_id,
                "traceparent": self.traceparent,
                "job": self.job.as_dict(),
                **({"record": record} if record else {}),
            }
        )

    @classmethod
    def decode(cls, text: str) -> QueuedJob:
        """Inverse of `encode`; a traceparent that is not W3C's is left out.

        Raises:
            NewerJob: of a schema version to come.
            BadJob: not JSON, another schema version, an id that is not the job's, or nothing that can be run.
        """
        schema = _validated(_ENVELOPE, text).schema_
        if SCHEMA < schema <= NEWEST_SCHEMA:
            raise NewerJob(f"the message has schema version {schema}; this worker knows {SCHEMA}")
        if not 1 <= schema <= SCHEMA:
            raise BadJob(f"the message has schema version {schema}; this worker knows {SCHEMA}")
        message = _validated(_MESSAGE, text)
        _check_names(message.job)
        if message.job_id != message.job.job_id:
            raise BadJob("the message's job id does not belong to its job")
        if message.job.schema > schema:
            raise BadJob(f"the message has schema version {schema}, and an option or kind of media of a later one")
        record = message.record
        traceparent = message.traceparent if is_traceparent(message.traceparent) else ""
        if record is None:
            return cls(message.job, traceparent)
        return cls(message.job, traceparent, record.created, record.version)


class _Envelope(BaseModel):
    model_config = ConfigDict(strict=True)

    schema_: int = Field(alias="schema")


class _Record(BaseModel):
    model_config = ConfigDict(strict=True)

    created: Annotated[AwareDatetime, AfterValidator(_check_created)]
    version: str = Field(pattern=r"^[ -~]{1,200}$")


class _Message(BaseModel):
    model_config = ConfigDict(strict=True)

    job_id: str
    traceparent: str = ""
    job: AnalysisJob
    record: _Record | None = None


_ENVELOPE: TypeAdapter[_Envelope] = TypeAdapter(_Envelope)
_MESSAGE: TypeAdapter[_Message] = TypeAdapter(_Message)
_JOB: TypeAdapter[AnalysisJob] = TypeAdapter(AnalysisJob)


def _validated(kind: TypeAdapter[T], text: str) -> T:
    """Read JSON, whatever is in it. Raises BadJob."""
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'text'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise BadJob(f"the message is not a job: {'; '.join(problems[:PROBLEMS_REPORTED])[:500]}") from error


def _check_names(job: AnalysisJob) -> None:
    """Refuse names that no upload can have; storage would refuse them again and again. Raises BadJob."""
    try:
        check_blob(job.blob)
    except BadRequest as error:
        raise BadJob(f"the message is not a job: {error.message}") from error
    if not is_container_name(job.container) or not ETAG.fullmatch(job.etag):
        raise BadJob("the message is not a job: its container or ETag cannot be any upload's")


def log_context(job: AnalysisJob, traceparent: str) -> AbstractContextManager[None]:
    """Bind the job and its trace to every line logged inside the block."""
    return bound_to_trace(traceparent, job_id=job.job_id, container=job.container, blob=job.blob)


def stem_of(blob: str) -> str:
    """Return the name that results have, as OpenFace forms it: the file name without its last extension."""
    name = blob.rsplit("/", 1)[-1]
    return name.rpartition(".")[0] or name
