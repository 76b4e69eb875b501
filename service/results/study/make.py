"""Make table, report and posters of a study from storage, a result at a time. Light to import; children do the work."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import AnalysisError, MediaError, MediaNotFound, RecordChanged, StorageUnavailable
from service.jobs.job_table import JobTable
from service.jobs.names import file_name
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.jobs.studies import Member
from service.jobs.study_pages import StudyPages
from service.jobs.study_place import FILES, POSTER, REPORT, StudyPlace
from service.jobs.study_request import StudyRequest
from service.jobs.sweep.finding import every_blob
from service.logs import log
from service.results.collect.sources import CollectedResult, SkippedResult, of_records
from service.results.study.overview import CurrentStudy, StudyOverview
from service.sandbox.confinement import Access
from service.sandbox.pool import Pool
from service.sandbox.workspace import Workspace
from service.storage.azure_blobs import AzureBlobs

TABLES, POSTERS = "service.results.study.child", "service.results.study.poster_child"
TIME_S = 120.0
"""Time limit of one result: an hour of video is a table of half a gigabyte."""
MEMORY_BYTES = 4 << 30
TABLE_BYTES = 64 << 30
"""Largest table of a study."""
LARGEST_UPLOAD = 512 << 20
"""Largest upload of which a poster is made."""
NAMED_FILES = 20
"""Failed files of one kind that are named."""

OnResult = Callable[[int], None]


@dataclass
class _Tally:
    """What became of the jobs so far."""

    states: Counter[str]
    failures: dict[str, list[str]]
    unreadable: list[str]
    results: int = 0

    def facts(self) -> dict[str, Any]:
        kinds = sorted(self.failures.items(), key=lambda kind: -len(kind[1]))
        return {
            "at": now().isoformat(),
            "states": dict(self.states),
            "results": self.results,
            "failures": [{"code": code, "count": len(files), "files": files[:NAMED_FILES]} for code, files in kinds],
            "unreadable": self.unreadable,
        }


@dataclass(frozen=True)
class StudyMaker:
    """Makes what belongs to a study.

    Attributes:
        workspace: folder for tables and uploads in work.
        memory_bytes: address space of each child.
    """

    table: JobTable
    blobs: AzureBlobs
    results_container: str
    workspace: Path
    memory_bytes: int = MEMORY_BYTES

    def make(self, request: StudyRequest, on_result: OnResult = lambda done: None) -> StudyOverview:
        """Make table, report and posters, and store them in place of earlier ones.

        Args:
            on_result: called with the number of results so far.

        Raises:
            RecordChanged: data was purged meanwhile; nothing is stored.
            Busy, ChildEnded, EngineUnavailable: a child did not do its work.
            StorageUnavailable.
        """
        place = StudyPlace.of(request.study, request.key_name, self.results_container)
        mark = self.table.studies.mark(request.study)
        made = uuid.uuid4().hex[:16]
        self.blobs.ensure_results_container(place.container)
        # A folder of its own: the children see no other files of the workspace.
        with closing(Workspace(self.workspace / "studies")) as workspace, workspace.room() as room:
            overview = self._made(request, room.resolve(), on_result)
            for name, content_type in FILES.items():
                self.blobs.upload(place.container, place.file(made, name), room / name, content_type=content_type)
        CurrentStudy(made=made, overview=overview).keep(self.blobs, place)
        if self.table.studies.mark(request.study) != mark:
            self._delete_all_but("", place)
            raise RecordChanged("data of the study was purged while its table was made")
        self._delete_all_but(made, place)
        log.info("study.made", study=request.study, results=overview.results, rows=overview.rows)
        return overview

    def _made(self, request: StudyRequest, room: Path, on_result: OnResult) -> StudyOverview:
        tally = _Tally(Counter(), {}, [])
        with (
            closing(self._pool(TABLES, Access(reads=(room,), writes=(room,)), TABLE_BYTES)) as tables,
            closing(self._pool(POSTERS, Access(reads=(room,)))) as posters,
        ):
            tables.ask({"do": "begin", "folder": str(room)}, b"")
            members: dict[str, Member] = {}
            for record, found in of_records(
                self._records(request, members, tally), self.blobs, self.results_container, room
            ):
                member = members[record.job.job_id]
                if isinstance(found, SkippedResult):
                    # A failed job that was run again is no failure of the study.
                    if not member.replaced:
                        _skip(tally, record, found)
                elif self._add(tables, record, found, tally):
                    self._poster(posters, request.study, member, record, found)
                on_result(tally.results)
            answer, report = tables.ask({"do": "end", "facts": tally.facts(), "study": request.study}, b"")
        (room / REPORT).write_bytes(report)
        return StudyOverview.model_validate(answer["overview"])

    def _pool(self, module: str, access: Access, file_bytes: int = 64 << 20) -> Pool:
        return Pool(
            module,
            children=1,
            waiting=1,
            time_s=TIME_S,
            memory_bytes=self.memory_bytes,
            file_bytes=file_bytes,
            # The tables' child keeps them open to the end.
            answers=1 << 40,
            access=lambda: access,
        )

    def _records(self, request: StudyRequest, members: dict[str, Member], tally: _Tally) -> Iterator[JobRecord]:
        for member, record in StudyPages(self.table, request.key_name).all_jobs(request.study):
            if not member.replaced:
                tally.states[record.state] += 1
            # Only the one in work is needed.
            members.clear()
            members[record.job.job_id] = member
            yield record

    def _add(self, tables: Pool, record: JobRecord, found: CollectedResult, tally: _Tally) -> bool:
        fields = {"do": "add", "name": found.name, "csv": str(found.csv), "manifest": found.manifest}
        answer, _ = tables.ask(fields | {"annotations": found.annotations.model_dump(mode="json")}, b"")
        if "failed" in answer:
            tally.unreadable.append(f"{file_name(record.job.blob)}: {answer['failed']}")
            return False
        tally.results += 1
        return True

    def _poster(self, posters: Pool, study: str, member: Member, record: JobRecord, found: CollectedResult) -> None:
        """Make a result's poster where there is none; a study without one shows a sign."""
        attempt = record.attempt_published
        if member.poster == attempt or not attempt or record.job.media == "sequence":
            return
        place = ResultPlace.of(record.job, self.results_container)
        name = place.artefact(attempt, POSTER)
        try:
            with suppress(MediaNotFound):
                self.blobs.info(place.container, name)
                self.table.studies.note_poster(study, member, attempt)
                return
            jpeg = self._drawn(posters, record, found)
        except StorageUnavailable:
            raise
        except AnalysisError as error:
            log.info("study.no_poster", job_id=record.job.job_id, error=error.message)
            return
        self.blobs.upload(place.container, name, jpeg, content_type="image/jpeg")
        self.table.studies.note_poster(study, member, attempt)

    def _drawn(self, posters: Pool, record: JobRecord, found: CollectedResult) -> bytes:
        """Download the upload and make its poster. Raises MediaError, MediaNotFound, MediaChanged, Busy."""
        job, upload = record.job, found.csv.with_name("upload")
        if self.blobs.info(job.container, job.blob).size > LARGEST_UPLOAD:
            raise MediaError("the upload is too large for a poster")
        try:
            self.blobs.download(job.container, job.blob, job.etag, upload)
            fields = {"do": "poster", "csv": str(found.csv), "upload": str(upload), "manifest": found.manifest}
            return posters.ask(fields, b"")[1]
        finally:
            upload.unlink(missing_ok=True)

    def _delete_all_but(self, made: str, place: StudyPlace) -> None:
        """Delete earlier files; with an empty `made` all of them."""
        for blob in every_blob(self.blobs, place.container, place.folder):
            kept = made and (blob.name in (place.current, place.making) or blob.name.startswith(place.file(made, "")))
            if not kept:
                self.blobs.delete(place.container, blob.name, blob.etag)


def _skip(tally: _Tally, record: JobRecord, found: SkippedResult) -> None:
    if found.problem == "failed":
        tally.failures.setdefault(found.why, []).append(file_name(record.job.blob))
    elif found.problem == "unreadable":
        tally.unreadable.append(f"{file_name(record.job.blob)}: {found.why}")
