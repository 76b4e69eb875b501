"""Make reports in a child process that stays warm. Light to import, for web processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import Busy, ReportFailed
from service.results.annotations import NO_ANNOTATIONS, Annotations
from service.results.quality_gate import CONFIDENCE
from service.results.report.files import FILES
from service.sandbox.confinement import Access
from service.sandbox.pool import ChildEnded, Pool

CHILD = "service.results.report.child"
TIME_S = 120.0
"""Time limit of a report; an hour of video is a table of half a gigabyte, read in about ten seconds."""
MEMORY_BYTES = 6 << 30
REPORTS_A_CHILD = 100
"""Reports after which the child is replaced, so that nothing of what it decodes piles up."""
WAITING = 16
"""Requests that may wait for the child."""
LARGEST_UPLOAD = 512 << 20
"""Largest upload in bytes that is downloaded for the report's picture."""
TOO_LARGE = f"the upload is larger than {LARGEST_UPLOAD >> 20} MiB."
UNDECODED = "the upload could not be decoded again."


@dataclass(frozen=True)
class ReportRequest:
    """The inputs of a report.

    Attributes:
        csv: the published table.
        manifest: of the same result.
        upload: the media as uploaded; None where it is not available, for the reason in the sentence `missing`.
        confidence: of the quality gate.
        annotations: of the result.
        job_page: path of the page to which the report leads back; empty where it is read as a file.
    """

    csv: Path
    manifest: Mapping[str, Any]
    upload: Path | None
    missing: str = ""
    confidence: float = CONFIDENCE
    annotations: Annotations = NO_ANNOTATIONS
    job_page: str = ""


class ReportMaker:
    """A child process that makes one report at a time; started by the first request."""

    def __init__(self, reads: Sequence[Path], time_s: float = TIME_S, memory_bytes: int = MEMORY_BYTES) -> None:
        """`reads` are the folders, or files, of tables and uploads."""
        self._time_s = time_s
        self._pool = Pool(
            CHILD,
            children=1,
            waiting=WAITING,
            time_s=time_s,
            memory_bytes=memory_bytes,
            answers=REPORTS_A_CHILD,
            access=lambda: Access(reads=tuple(path.resolve() for path in reads)),
        )

    def close(self) -> None:
        """End the child."""
        self._pool.close()

    def make(self, request: ReportRequest) -> dict[str, bytes]:
        """Make the files of `FILES`, by name; an upload that crashes its decoder is left out.

        Raises:
            ReportFailed: the table cannot be read, or reading it took too long.
            Busy: too many requests wait.
            EngineUnavailable: the child does not start.
        """
        try:
            return self._ask(request, request.upload, request.missing)
        except _DecoderCrashed:
            if request.upload is None:
                raise
            return self._ask(request, None, UNDECODED)

    def _ask(self, request: ReportRequest, upload: Path | None, missing: str) -> dict[str, bytes]:
        fields = {
            "do": "report",
            "csv": str(request.csv.resolve()),
            "manifest": dict(request.manifest),
            "upload": str(upload.resolve()) if upload else None,
            "missing": missing,
            "confidence": request.confidence,
            "annotations": request.annotations.model_dump(mode="json"),
            "job_page": request.job_page,
        }
        future = self._pool.submit(fields)
        try:
            answer, body = future.result()
        except ChildEnded as error:
            raise _DecoderCrashed("the report's child process ended") from error
        except Busy as error:
            raise _DecoderCrashed(f"the report was not made within {self._time_s:g} s") from error
        if "failed" in answer:
            raise ReportFailed(f"the result cannot be read: {answer['failed']}")
        return _split(answer["sizes"], body)


class _DecoderCrashed(ReportFailed):
    """The child ended at its limits or by a signal, as over hostile media."""


def _split(sizes: Mapping[str, int], body: bytes) -> dict[str, bytes]:
    """Cut the files from the body, in the order in which they are stored."""
    contents, place = {}, 0
    for name, size in sizes.items():
        contents[name] = body[place : place + size]
        place += size
    return {name: contents[name] for name in FILES}
