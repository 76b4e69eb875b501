"""The API's JSON models, as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from flask import url_for
from pydantic import BaseModel, Field

from service.jobs.job_facts import JobFacts, job_facts
from service.jobs.media_kind import JobMedia, MediaType
from service.jobs.record import JobRecord
from service.web.access.ownership import visible_gallery


class Job(JobFacts):
    """One media item, analysed in one way, with links."""

    links: dict[str, str] = Field(description="Requests that the job's state allows; `csv` once it is published.")


class Jobs(BaseModel):
    """Jobs of a request."""

    jobs: list[Job]
    next: str | None = Field(description="Link to the next page, where the container holds more.")


class JobList(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[Job]
    cursor: str | None = Field(description="Cursor of the next page. A page may be short although more follow.")


class ResultLinks(BaseModel):
    """Links to a result in storage."""

    csv: str
    manifest: str
    expires: datetime | None = Field(description="End of the links' validity; null where they need credentials.")


class Results(BaseModel):
    """A published result, as the next stage receives it."""

    job_id: str
    container: str
    blob: str
    media: JobMedia
    media_type: MediaType
    attempt: str
    csv_sha256: str
    links: ResultLinks
    manifest: dict[str, Any]


class Check(BaseModel):
    """The check of one dependency."""

    ok: bool
    seconds: float
    error: str | None


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"]
    version: str


class Readiness(BaseModel):
    """Readiness, with the check of each dependency."""

    status: Literal["ready", "not ready"]
    checks: dict[str, Check]


def job_answer(record: JobRecord) -> Job:
    """Convert a record to its JSON model with links."""
    facts = job_facts(record)
    facts.options.gallery = visible_gallery(facts.options.gallery)
    return Job(**dict(facts), links=_links(record))


def link(route: str, job_id: str) -> str:
    """Return the path of one of a job's routes."""
    return url_for(f"jobs.{route}", job_id=job_id)


def _links(record: JobRecord) -> dict[str, str]:
    job_id = record.job.job_id
    offered = ["events", "rerun" if record.is_finished else "cancel"]
    if record.state == "succeeded":
        offered += ["results", "csv"]
        if record.job.options.overlay:
            offered += ["overlay"]
        if record.job.options.aligned:
            offered += ["aligned"]
    if record.state in {"succeeded", "failed"}:
        offered += ["manifest"]
    links = {"self": link("one", job_id)} | {name: link(name, job_id) for name in offered}
    if record.state == "succeeded":
        for name in ("report", "summary", "methods", "citation"):
            links[name] = url_for(f"reports.{name}", job_id=job_id)
        for name in ("parquet", "archive"):
            links[name] = url_for(f"downloads.{name}", job_id=job_id)
        if record.job.media != "sequence":
            links["media"] = url_for("viewer.media", job_id=job_id)
        if record.job.media == "image":
            links["faces"] = url_for("picture_faces.faces", job_id=job_id)
        if record.job.media == "video":
            links["proxy"] = url_for("viewer.proxy", job_id=job_id)
            links["series"] = url_for("viewer.series", job_id=job_id)
            links["annotations"] = url_for("annotations.annotations", job_id=job_id)
    if record.superseded_by:
        links["superseded_by"] = link("one", record.superseded_by)
    return links


def with_query(path: str, **query: str) -> str:
    """Return the path with its query."""
    return f"{path}?{urlencode(query)}"
