"""The answers of the API as typed values: what the OpenAPI document shows is what is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from flask import url_for
from pydantic import BaseModel, Field

from service.errors import advice_for
from service.jobs.options import ActionUnits, Faces, Media, MediaType
from service.jobs.record import JobRecord, State


class Options(BaseModel):
    """How the media is analysed."""

    faces: Faces
    au: ActionUnits
    multi_view: bool
    overlay: bool
    gallery: str


class Times(BaseModel):
    """In UTC."""

    created: datetime
    started: datetime | None
    finished: datetime | None


class Fault(BaseModel):
    """Why a job, or its last attempt, did not succeed."""

    code: str
    message: str
    advice: str = Field(description="What to do about it, in a sentence or two.")


class JobFacts(BaseModel):
    """One media item, analysed in one way, as the command line tells it."""

    id: str = Field(description="32 hex digits, the same whenever the same is asked.")
    state: State
    stage: str = Field(description="What is being done, in words.")
    progress: float = Field(ge=0, le=1)
    container: str
    blob: str
    etag: str = Field(description="Version of the blob, without quotes.")
    media: Media
    media_type: MediaType
    options: Options
    generation: int = Field(description="0; each explicit re-run adds one.")
    attempts: int
    error: Fault | None
    superseded_by: str | None = Field(description="Job of the blob's newer version.")
    times: Times
    trace_id: str


class Job(JobFacts):
    """One media item, analysed in one way."""

    links: dict[str, str] = Field(description="What can be asked next; `csv` only once it is there.")


class Jobs(BaseModel):
    """The jobs of a request."""

    jobs: list[Job]
    next: str | None = Field(description="Where the container holds more: ask this next.")


class JobList(BaseModel):
    """Some jobs, newest first."""

    jobs: list[Job]
    cursor: str | None = Field(description="Give it back for the next page. A page may be short although more follow.")


class ResultLinks(BaseModel):
    """Where a result is."""

    csv: str
    manifest: str
    expires: datetime | None = Field(description="When the links stop working; null where they need credentials.")


class Results(BaseModel):
    """A published result, as the next stage gets it."""

    job_id: str
    container: str
    blob: str
    media: Media
    media_type: MediaType
    attempt: str
    csv_sha256: str
    links: ResultLinks
    manifest: dict[str, Any]


class Check(BaseModel):
    """One dependency."""

    ok: bool
    seconds: float
    error: str | None


class Health(BaseModel):
    """Alive."""

    status: Literal["ok"]
    version: str


class Readiness(BaseModel):
    """Whether the service can do its work now, and what keeps it from it."""

    status: Literal["ready", "not ready"]
    checks: dict[str, Check]


def job_answer(record: JobRecord) -> Job:
    """A record as callers see it."""
    return Job(**dict(job_facts(record)), links=_links(record))


def job_facts(record: JobRecord) -> JobFacts:
    """The same without links, for whom no web application answers."""
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
        options=Options.model_validate(job.options, from_attributes=True),
        generation=job.generation,
        attempts=record.attempts,
        error=_fault(record) if record.error_code else None,
        superseded_by=record.superseded_by or None,
        times=Times(created=record.created, started=record.started, finished=record.finished),
        trace_id=trace[1] if len(trace) > 1 else "",
    )


def _fault(record: JobRecord) -> Fault:
    return Fault(code=record.error_code, message=record.error_message, advice=advice_for(record.error_code))


def link(of: str, job_id: str) -> str:
    """Path of one of a job's routes."""
    return url_for(f"jobs.{of}", job_id=job_id)


def _links(record: JobRecord) -> dict[str, str]:
    job_id = record.job.job_id
    offered = ["events", "rerun" if record.is_finished else "cancel"]
    if record.state == "succeeded":
        offered += ["results", "csv"]
        if record.job.options.overlay:
            offered += ["overlay"]
    if record.state in {"succeeded", "failed"}:
        offered += ["manifest"]
    links = {"self": link("one", job_id)} | {name: link(name, job_id) for name in offered}
    if record.state == "succeeded":
        links["report"] = url_for("reports.report", job_id=job_id)
    if record.superseded_by:
        links["superseded_by"] = link("one", record.superseded_by)
    return links


def with_query(path: str, **query: str) -> str:
    """A link with its query."""
    return f"{path}?{urlencode(query)}"
