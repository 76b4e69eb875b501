"""Study routes: list studies, count and list a study's jobs, and what a worker made of all of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Response, jsonify, make_response, redirect, url_for
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from service.errors import MediaNotFound, NotFound
from service.jobs.record import JobRecord, State
from service.jobs.result_place import ResultPlace
from service.jobs.studies import LONGEST_NAME, NAME_PATTERN, ROW_PATTERN, Member
from service.jobs.study_pages import StudyPages
from service.jobs.study_place import CSV, FILES, PARQUET, POSTER, REPORT, StudyPlace
from service.jobs.study_request import StudyRequest
from service.results.manifest_reader import ManifestReader
from service.results.study.overview import CurrentStudy, Making, StudyOverview
from service.web.access.ownership import own_name, sees_own_only, visible_record
from service.web.protocol.job_json import Job, job_answer
from service.web.protocol.openapi import Parameters, content, needs, operation_name, optional, problems
from service.web.protocol.problems import wants_page
from service.web.routes.jobs import JobPath, published
from service.web.services import Services, services

STUDIES_A_PAGE = 100
JOBS_A_PAGE = 48
READ_AT_ONCE = 8

TO_READ = needs("read", own=True)
FOUND_OR_NOT = problems(400, 404, 503)

studies = APIBlueprint("studies", __name__, abp_tags=[Tag(name="Studies")], operation_id_callback=operation_name)


class StudyPath(BaseModel):
    """Path of a study."""

    study: str = Field(pattern=NAME_PATTERN, max_length=LONGEST_NAME, description="Name of the study.")


class StudiesQuery(Parameters):
    """Position in the list of studies."""

    cursor: str | None = Field(
        None, pattern=NAME_PATTERN, description="`cursor` of the page before.", json_schema_extra=optional
    )


class PageQuery(Parameters):
    """Position among a study's jobs."""

    cursor: str | None = Field(
        None, pattern=ROW_PATTERN, description="`cursor` of the page before.", json_schema_extra=optional
    )


class JobsOfStudyQuery(PageQuery):
    """Position and filter of a study's jobs."""

    state: State | None = Field(None, json_schema_extra=optional)


class NamedStudy(BaseModel):
    """A study in the list."""

    name: str
    links: dict[str, str]


class StudyList(BaseModel):
    """A page of studies, by name."""

    studies: list[NamedStudy]
    cursor: str | None


class StudyResults(StudyOverview):
    """What a worker made of the jobs that had finished then."""

    links: dict[str, str] = Field(description="`csv`, `parquet` and `report`.")


class Study(BaseModel):
    """A study: its counts, and what a worker made of it."""

    name: str
    counts: dict[str, int] = Field(description="Jobs by state, as far as this request counted.")
    cursor: str | None = Field(description="Go on counting from here; null at the end.")
    results: StudyResults | None = Field(description="Null where nothing was made yet, or data was purged since.")
    making: Making | None = Field(description="A request under way, or one that failed.")
    links: dict[str, str]


class Quality(BaseModel):
    """Quality of one result at a glance; null where not known."""

    share: float | None = Field(description="Of a video, the share of its frames with a face; of a picture 1 or 0.")
    confidence: float | None = Field(description="Mean confidence of the rows with a face.")
    faces: int | None
    verdict: str = Field(description="`complete`, `partial` or `unknown`.")
    reason: str | None


class JobOfStudy(Job):
    """A job of a study, with the quality of its result."""

    quality: Quality | None = Field(description="Null where there is no result.")


class JobsOfStudy(BaseModel):
    """A page of a study's jobs, newest first."""

    jobs: list[JobOfStudy]
    cursor: str | None = Field(description="Cursor of the next page. A page may be short although more follow.")


@studies.get("/studies", endpoint="all", responses={200: StudyList, **problems(400, 503)}, security=TO_READ)
def list_studies(query: StudiesQuery) -> Response:
    """List the studies, by name; a browser is led to their page."""
    if wants_page():
        return make_response(redirect(url_for("pages.studies"), 303))
    names = services().table.studies.names(query.cursor or "", STUDIES_A_PAGE, _key_name())
    cursor = names[-1] if len(names) == STUDIES_A_PAGE else None
    body = StudyList(studies=[NamedStudy(name=name, links=_links(name)) for name in names], cursor=cursor)
    return jsonify(body.model_dump(mode="json"))


@studies.get("/studies/<study>", endpoint="one", responses={200: Study, **FOUND_OR_NOT}, security=TO_READ)
def show(path: StudyPath, query: PageQuery) -> Response:
    """Show a study: its jobs by state, and what a worker made of it. A browser is led to its page.

    One request counts some thousand jobs; add up the counts of further requests, each with the `cursor` before.
    """
    if wants_page():
        return make_response(redirect(url_for("pages.study", study=path.study), 303))
    own = _checked(path.study)
    counted = StudyPages(own.table, _key_name()).counts(path.study, query.cursor or "")
    place, current = _place(path.study), _current(path.study)
    body = Study(
        name=path.study,
        counts=counted.states,
        cursor=counted.after or None,
        results=_results(path.study, current.overview) if current else None,
        making=_making(own, place),
        links=_links(path.study),
    )
    return jsonify(body.model_dump(mode="json"))


@studies.get("/studies/<study>/jobs", endpoint="jobs", responses={200: JobsOfStudy, **FOUND_OR_NOT}, security=TO_READ)
def list_jobs(path: StudyPath, query: JobsOfStudyQuery) -> Response:
    """List a study's jobs, newest first, with the quality of each result; of a re-run job the newest one."""
    own = _checked(path.study)
    found, after = StudyPages(own.table, _key_name()).jobs(path.study, query.cursor or "", JOBS_A_PAGE, query.state)
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        qualities = list(pool.map(lambda one: _quality(own, one[1]), found))
    answers = [_job(*one, quality) for one, quality in zip(found, qualities, strict=True)]
    body = JobsOfStudy(jobs=answers, cursor=after or None)
    return jsonify(body.model_dump(mode="json"))


@studies.post("/studies/<study>/results", endpoint="make", responses={202: Making, **FOUND_OR_NOT}, security=TO_READ)
def make(path: StudyPath) -> Response:
    """Ask a worker for the table and the report of a study as it is now; harmless to repeat."""
    own = _checked(path.study)
    place = _place(path.study)
    under_way = _making(own, place)
    if under_way and under_way.is_alive:
        return make_response(jsonify(under_way.model_dump(mode="json")), 202)
    asked = Making.asked_now()
    own.blobs.ensure_results_container(place.container)
    asked.keep(own.blobs, place)
    own.report_queue.send(StudyRequest(path.study, _key_name()).text)
    return make_response(jsonify(asked.model_dump(mode="json")), 202)


@studies.get(
    "/studies/<study>/table.csv", endpoint="csv", responses={200: content("text/csv"), **FOUND_OR_NOT}, security=TO_READ
)
def table_csv(path: StudyPath) -> Response:
    """Download the collected table as CSV: gaze, head pose and action units of all results, as a worker made it."""
    return _file(path.study, CSV)


@studies.get(
    "/studies/<study>/table.parquet",
    endpoint="parquet",
    responses={200: content(FILES[PARQUET]), **FOUND_OR_NOT},
    security=TO_READ,
)
def table_parquet(path: StudyPath) -> Response:
    """Download the collected table as Parquet."""
    return _file(path.study, PARQUET)


@studies.get(
    "/studies/<study>/report.html",
    endpoint="report",
    responses={200: content("text/html"), **FOUND_OR_NOT},
    security=TO_READ,
)
def report_html(path: StudyPath) -> Response:
    """Download the study report: quality, failures, and the distribution of each action unit."""
    return _file(path.study, REPORT)


@studies.get(
    "/jobs/<job_id>/poster.jpg",
    endpoint="poster",
    responses={200: content("image/jpeg"), **problems(400, 404, 409, 503)},
    security=TO_READ,
)
def poster(path: JobPath) -> Response:
    """Download a small picture of the media, which is made with the results of a study."""
    own = services()
    place, csv = published(own, visible_record(path.job_id))
    name = place.artefact(csv.metadata.get("attempt", ""), POSTER)
    try:
        blob = own.blobs.info(place.container, name)
    except MediaNotFound as error:
        raise NotFound("this job has no poster; the results of a study bring one", "no_poster") from error
    response = Response(own.blobs.stream(place.container, name), content_type="image/jpeg")
    response.content_length = blob.size
    return response


def _key_name() -> str:
    """Return the name of the key whose jobs alone this request may see; empty for all."""
    return own_name() if sees_own_only() else ""


def _checked(study: str) -> Services:
    """Return the services, if there is such a study for this request. Raises NotFound."""
    own = services()
    if not own.table.studies.exists(study, _key_name()):
        raise NotFound(f"there is no study {study!r}", "study_not_found")
    return own


def _place(study: str) -> StudyPlace:
    return StudyPlace.of(study, _key_name(), services().settings.results_container)


def _current(study: str) -> CurrentStudy | None:
    """Read what was made last of this request's jobs of the study; None where nothing was."""
    return CurrentStudy.find(services().blobs, _place(study))


def _making(own: Services, place: StudyPlace) -> Making | None:
    """Read the request under way, or the last one that failed; None where its worker is silent for too long."""
    found = Making.find(own.blobs, place)
    return found if found and (found.is_alive or found.failed is not None) else None


def _file(study: str, name: str) -> Response:
    own = _checked(study)
    place, current = _place(study), _current(study)
    if current is None:
        raise NotFound("nothing was made of this study yet; ask for it with POST …/results", "study_not_made")
    blob = own.blobs.info(place.container, place.file(current.made, name))
    response = Response(own.blobs.stream(place.container, blob.name), content_type=FILES[name])
    response.content_length = blob.size
    if name != REPORT:
        response.headers["Content-Disposition"] = f'attachment; filename="{study}.{name.rpartition(".")[2]}"'
    return response


def _results(study: str, overview: StudyOverview) -> StudyResults:
    links = {name: url_for(f"studies.{name}", study=study) for name in ("csv", "parquet", "report")}
    return StudyResults(**overview.model_dump(), links=links)


def _links(study: str) -> dict[str, str]:
    return {
        "self": url_for("studies.one", study=study),
        "jobs": url_for("studies.jobs", study=study),
        "make": url_for("studies.make", study=study),
    }


def _job(member: Member, record: JobRecord, quality: Quality | None) -> JobOfStudy:
    answer = job_answer(record)
    if member.poster and member.poster == record.attempt_published:
        answer.links["poster"] = url_for("studies.poster", job_id=record.job.job_id)
    return JobOfStudy(**dict(answer), quality=quality)


def _quality(own: Services, record: JobRecord) -> Quality | None:
    """Read a result's quality from its manifest; None where there is no result, or no manifest."""
    if record.state != "succeeded":
        return None
    place = ResultPlace.of(record.job, own.settings.results_container)
    try:
        manifest: dict[str, Any] = json.loads(own.blobs.read(place.container, place.manifest(record.attempt_published)))
    except (MediaNotFound, ValueError):
        return None
    return quality_of(manifest)


def quality_of(manifest: dict[str, Any]) -> Quality:
    """Read the quality of a result at a glance."""
    facts, summary = ManifestReader(manifest), manifest.get("summary") or {}
    faces = manifest.get("faces")
    if facts.media == "video":
        expected = facts.frames.get("expected") or facts.frames.get("written")
        share = min(1.0, (facts.frames.get("success") or 0) / expected) if expected else None
    else:
        share = float(bool(faces)) if faces is not None else None
    return Quality(
        share=share,
        confidence=summary.get("confidence_mean"),
        faces=faces,
        verdict=facts.verdict,
        reason=facts.reason,
    )
