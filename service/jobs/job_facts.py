"""A job record as JSON, without links: shared by the HTTP API and the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from service.errors import advice_for
from service.jobs.media_kind import JobMedia, MediaType
from service.jobs.options import ActionUnits, Faces, JobOptions, later_options
from service.jobs.record import JobRecord, State


def _with_later_options(schema: dict[str, Any]) -> None:
    own = TypeAdapter(JobOptions).json_schema()["properties"]
    schema["properties"] |= {name: own[name] for name in later_options()}


class Options(BaseModel):
    """Options of the analysis; those that were not stated and have no value are left out."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_with_later_options)

    faces: Faces
    au: ActionUnits
    multi_view: bool
    overlay: bool
    gallery: str


class Times(BaseModel):
    """Times of a job, in UTC."""

    created: datetime
    started: datetime | None
    finished: datetime | None


class Fault(BaseModel):
    """The error of a job, or of its last attempt."""

    code: str
    message: str
    advice: str = Field(description="How to mend it, in a sentence or two.")


class JobFacts(BaseModel):
    """One media item, analysed in one way."""

    id: str = Field(description="32 hex digits; equal requests have equal ids.")
    state: State
    stage: str = Field(description="The current step, in words.")
    progress: float = Field(ge=0, le=1)
    container: str
    blob: str
    etag: str = Field(description="Version of the blob, without quotes.")
    media: JobMedia
    media_type: MediaType
    options: Options
    generation: int = Field(description="0; each explicit re-run adds one.")
    attempts: int
    error: Fault | None
    superseded_by: str | None = Field(description="Job of the blob's newer version.")
    study: str | None = Field(description="Study under which it was submitted first; it may stand in others as well.")
    times: Times
    trace_id: str


def job_facts(record: JobRecord) -> JobFacts:
    """Convert a record to its JSON model."""
    job = record.job
    trace = record.traceparent.split("-")
    return JobFacts(
        id=job.job_id,
        state=record.state,
        stage=record.stage,
        progress=round(record.progress, 4),
        container=job.container,
        blob=job.blob,
        etag=job.etag,
        media=job.media,
        media_type=job.media_type,
        options=Options.model_validate(job.options.as_dict()),
        generation=job.generation,
        attempts=record.attempts,
        error=_fault(record) if record.error_code else None,
        superseded_by=record.superseded_by or None,
        study=record.study or None,
        times=Times(created=record.created, started=record.started, finished=record.finished),
        trace_id=trace[1] if len(trace) > 1 else "",
    )


def _fault(record: JobRecord) -> Fault:
    return Fault(code=record.error_code, message=record.error_message, advice=advice_for(record.error_code))
