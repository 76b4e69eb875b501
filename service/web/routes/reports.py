"""Report routes: report, summary, methods text and citations of a job, made on first request and cached."""

from __future__ import annotations

from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from service.results.report.files import BIBLIOGRAPHY, FILES, METHODS, REPORT, SUMMARY
from service.results.summary_model import Summary
from service.web.access.ownership import visible_record
from service.web.protocol.openapi import content, needs, operation_name, problems
from service.web.routes.jobs import JobPath, published
from service.web.services import services

TO_READ = needs("read", own=True)
ERRORS = problems(400, 404, 409, 503)

reports = APIBlueprint("reports", __name__, abp_tags=[Tag(name="Reports")], operation_id_callback=operation_name)


@reports.get(
    "/jobs/<job_id>/report.html", endpoint="report", responses={200: content("text/html"), **ERRORS}, security=TO_READ
)
def report_html(path: JobPath) -> Response:
    """Download the report: one page without scripts, for reading and printing. The first request makes it."""
    return report_file(path, REPORT)


@reports.get("/jobs/<job_id>/summary.json", endpoint="summary", responses={200: Summary, **ERRORS}, security=TO_READ)
def summary_json(path: JobPath) -> Response:
    """Download the summary: statistics of the rows that pass the quality gate, events, blinks, cautions."""
    return report_file(path, SUMMARY)


@reports.get(
    "/jobs/<job_id>/methods.txt", endpoint="methods", responses={200: content("text/plain"), **ERRORS}, security=TO_READ
)
def methods_txt(path: JobPath) -> Response:
    """Download the text for a methods section."""
    return report_file(path, METHODS)


@reports.get(
    "/jobs/<job_id>/citation.bib",
    endpoint="citation",
    responses={200: content("application/x-bibtex"), **ERRORS},
    security=TO_READ,
)
def citation_bib(path: JobPath) -> Response:
    """Download the citations as BibTeX."""
    return report_file(path, BIBLIOGRAPHY)


def report_file(path: JobPath, name: str) -> Response:
    """Answer with one of a report's files; raises as `ReportCache.find`."""
    own = services()
    record = visible_record(path.job_id)
    place, csv = published(own, record)
    blob = own.reports.find(record.job, place, csv, name)
    response = Response(own.blobs.stream(place.container, blob.name), content_type=FILES[name])
    response.content_length = blob.size
    return response
