"""`/jobs/<id>/result.parquet` and `/jobs/<id>/files.zip`: the tidy table, and all files of a result as one archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import RawIOBase
from typing import Any
from urllib.parse import quote

from flask import Response, stream_with_context
from flask_openapi3 import APIBlueprint, Tag

from service.errors import NotFound
from service.jobs.record import JobRecord
from service.results.annotations import NAME as ANNOTATIONS
from service.results.overlay import NAMES
from service.results.report.files import FILES
from service.results.tidy.store import CONTENT_TYPE, FILE
from service.web.access.ownership import visible_record
from service.web.protocol.openapi import content, needs, operation_name, problems
from service.web.routes import annotations as annotation_routes
from service.web.routes import jobs as job_routes
from service.web.routes.jobs import JobPath, published
from service.web.routes.reports import report_file
from service.web.services import services

ZIP_TYPE = "application/zip"
LEVEL = 1
"""Of compression: a long video's table is half a gigabyte, and a reader waits."""

TO_READ = needs("read", own=True)
ERRORS = problems(400, 404, 409, 503)

downloads = APIBlueprint("downloads", __name__, abp_tags=[Tag(name="Jobs")], operation_id_callback=operation_name)


@dataclass(frozen=True)
class Part:
    """A file of the archive, with the bytes of its own download."""

    name: str
    chunks: Iterable[bytes]


@downloads.get(
    "/jobs/<job_id>/result.parquet",
    endpoint="parquet",
    responses={200: content(CONTENT_TYPE), **ERRORS},
    security=TO_READ,
)
def result_parquet(path: JobPath) -> Response:
    """Download the table as tidy Parquet, in the form of `collect`; the first request makes it."""
    own = services()
    record = visible_record(path.job_id)
    place, csv = published(own, record)
    blob = own.tidy.find(record.job, place, csv)
    response = Response(own.blobs.stream(place.container, blob.name), content_type=CONTENT_TYPE)
    response.content_length = blob.size
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(place.stem)}.parquet"
    return response


@downloads.get(
    "/jobs/<job_id>/files.zip", endpoint="archive", responses={200: content(ZIP_TYPE), **ERRORS}, security=TO_READ
)
def files_zip(path: JobPath) -> Response:
    """Download all files of a result as one archive: tables, manifest, report, methods, citations, overlay if any.

    Files that are made on request are made first; then the archive is sent as it is packed.
    """
    own = services()
    record = visible_record(path.job_id)
    place, _ = published(own, record)
    response = Response(stream_with_context(_packed(list(_parts(path, record)))), content_type=ZIP_TYPE)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(place.stem)}.zip"
    return response


def _parts(path: JobPath, record: JobRecord) -> Iterator[Part]:
    """Ask the routes of the single files, each with its own checks. Raises as they do."""
    yield Part("result.csv", job_routes.result_csv(path).iter_encoded())
    yield Part(FILE, result_parquet(path).iter_encoded())
    yield Part("manifest.json", job_routes.manifest(path).iter_encoded())
    yield Part(ANNOTATIONS, annotation_routes.show(path).iter_encoded())
    for name in FILES:
        yield Part(name, report_file(path, name).iter_encoded())
    try:
        yield Part(NAMES[record.job.kind], job_routes.overlay(path).iter_encoded())
    except NotFound as error:
        if error.code != "no_overlay":
            raise


class _Sink(RawIOBase):
    """Collects what the archive writes until it is sent on."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


def _packed(parts: Iterable[Part]) -> Iterator[bytes]:
    """Pack the parts as they are read; an archive that a fault cuts has no directory, so that no tool opens it."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for part in parts:
            with archive.open(part.name, "w", force_zip64=True) as file:
                for chunk in part.chunks:
                    file.write(chunk)
                    if ready := sink.take():
                        yield ready
    yield sink.take()
