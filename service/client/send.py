"""Send local files through a service: upload, submit, follow, download.

Every step first looks for its result, so that a repeated call resumes: an upload is found by the SHA-256 of the file's
bytes, the job follows from the upload, and a complete result is recognised by its hash.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from service.client.client import Client
from service.client.models import ClientError, RemoteJob, Stopped
from service.client.result_folder import ResultFolder
from service.client.two_stage_pool import in_two_steps
from service.jobs.media_files import pictures_in
from service.jobs.media_kind import JobMedia, MediaType
from service.jobs.options import JobOptions
from service.jobs.sequence import sha256_of_sequence
from service.storage.local_files import sha256_of

Outcome = Literal["downloaded", "kept", "succeeded", "submitted", "failed"]
Watch = Callable[[str, str, float], None]
"""Called with a file's name, its current step, and the step's progress (0 to 1)."""

LONGEST_NAME = 1024 - 65
"""Of a blob in a folder that is named by the file's SHA-256."""


@dataclass(frozen=True)
class LocalFile:
    """A local file, or a folder as a sequence; `name` is unique among them, and names its folder of results."""

    path: Path
    name: str
    media: JobMedia

    @property
    def members(self) -> list[Path]:
        """The pictures of a sequence."""
        return pictures_in(self.path)


@dataclass(frozen=True)
class Sent:
    """Outcome of one file, or of one job.

    Attributes:
        job: its last known state; None where it was not submitted.
        csv, manifest: of the local result.
    """

    name: str
    outcome: Outcome
    job: RemoteJob | None = None
    csv: Path | None = None
    manifest: dict[str, Any] | None = None
    error: ClientError | None = None

    def as_dict(self) -> dict[str, Any]:
        """Convert to one line of `--json`."""
        return {
            "file": self.name,
            "outcome": self.outcome,
            "job": self.job.model_dump(mode="json") if self.job else None,
            "csv": str(self.csv) if self.csv else None,
            "error": {"code": self.error.code, "message": str(self.error)} if self.error else None,
        }


class JobFailed(ClientError):
    """The job did not succeed; `code` is the job's error code."""

    def __init__(self, job: RemoteJob) -> None:
        super().__init__(job.error.message if job.error else f"the job ended as {job.state}")
        self.code = job.error.code if job.error else job.state


@dataclass(frozen=True)
class _Begun:
    file: LocalFile
    sha256: str = ""
    job: RemoteJob | None = None
    sent: Sent | None = None


@dataclass(frozen=True)
class Sender:
    """Sends files, several at a time.

    Attributes:
        options: of the analysis, as the route takes them.
        out: folder of the results; None downloads nothing.
        wait: follow the jobs to their end.
        callbacks: addresses that get a signed call when a job ends.
        with_report: download the reports as well, which the service makes on request.
        study: name under which the files stand; empty for none.
        at_once: number of files in transfer, and of jobs followed.
    """

    client: Client
    media_type: MediaType
    options: Mapping[str, str] = field(default_factory=dict)
    out: Path | None = None
    wait: bool = True
    with_report: bool = True
    study: str = ""
    callbacks: Sequence[str] = ()
    at_once: int = 8
    stop: threading.Event = field(default_factory=threading.Event)

    def send(self, files: Sequence[LocalFile], watch: Watch) -> Iterator[Sent]:
        """Send all files, and yield each outcome when it is known; a failed file does not stop the rest."""
        return in_two_steps(
            files,
            lambda file: self._begin(file, watch),
            lambda begun: self._end(begun, watch),
            at_once=self.at_once,
            stop=self.stop,
        )

    def _begin(self, file: LocalFile, watch: Watch) -> _Begun:
        """Upload and submit a file."""
        try:
            watch(file.name, "reading", 0.0)
            sha256 = _sha256(file)
            # The service has yet to hear of the study.
            if not self.study and (kept := self._kept(file, sha256)):
                return _Begun(file, sent=kept)
            job = self._job(file, sha256, watch)
            sent = None if self.wait else Sent(file.name, "submitted", job)
            return _Begun(file, sha256, job, sent)
        except (ClientError, OSError) as error:
            return _Begun(file, sent=_failed(file.name, None, error))

    def _job(self, file: LocalFile, sha256: str, watch: Watch) -> RemoteJob:
        if file.media == "sequence":
            container, prefix = f"c-{sha256[:32]}", upload_name(file.path)
            self._upload_members(file, container, prefix, watch)
            return self._submitted(file, container, prefix)
        watch(file.name, "submitting", 0.0)

        def uploading(done: int, total: int) -> None:
            watch(file.name, "uploading", done / total if total else 1.0)

        name = upload_name(file.path)
        there = self.client.find_upload(name, sha256) or self.client.upload_own(
            file.path, name, sha256=sha256, media_type=self.media_type, study=self.study, on_bytes=uploading
        )
        return self._submitted(file, there.container, there.blob)

    def _submitted(self, file: LocalFile, container: str, blob: str) -> RemoteJob:
        return self.client.submit(
            file.media, self.media_type, container, blob, self.options, study=self.study, callbacks=self.callbacks
        )

    def _upload_members(self, file: LocalFile, container: str, prefix: str, watch: Watch) -> None:
        """Upload the pictures that are not there; a sequence is submitted only when it is whole."""
        members = file.members
        for number, member in enumerate(members):
            watch(file.name, "uploading", number / len(members))
            blob = f"{prefix}/{upload_name(member)}"
            if not self.client.has_upload(container, blob, member.stat().st_size):
                self.client.upload(
                    member, container, blob, sha256=sha256_of(member), media_type=self.media_type, member=True
                )

    def _end(self, begun: _Begun, watch: Watch) -> Sent:
        """Follow the job to its result."""
        if begun.sent or begun.job is None:
            return begun.sent or Sent(begun.file.name, "failed")
        folder = ResultFolder(self.out / begun.file.name) if self.out else None
        return bring(
            self.client,
            begun.job,
            folder,
            begun.file.name,
            watch,
            media_sha256=begun.sha256,
            with_report=self.with_report,
        )

    def _kept(self, file: LocalFile, sha256: str) -> Sent | None:
        """Find a complete local result of the same bytes and options."""
        if self.out is None:
            return None
        folder = ResultFolder(self.out / file.name)
        manifest = folder.manifest()
        if manifest is None or (self.with_report and not folder.has_report):
            return None
        wanted = JobOptions.resolve(file.media, self.media_type, self.options, galleries=True)
        job = manifest["job"]
        same = (manifest["media"]["sha256"], job["media_type"], job["options"]) == (
            sha256,
            self.media_type,
            wanted.as_dict(),
        )
        return Sent(file.name, "kept", csv=folder.csv(manifest), manifest=manifest) if same else None


def bring(
    client: Client,
    job: RemoteJob,
    folder: ResultFolder | None,
    name: str,
    watch: Watch,
    *,
    media_sha256: str | None = None,
    with_report: bool = True,
) -> Sent:
    """Follow a job to its end, and download its result into the folder, if one is given."""
    last = job
    try:
        if not job.is_finished:
            for last in client.follow(job.id):
                watch(name, last.stage, last.progress)
        if last.state != "succeeded":
            if folder and last.state == "failed":
                folder.keep_failure(client.manifest(last.id))
            return _failed(name, last, JobFailed(last))
        if folder is None:
            return Sent(name, "succeeded", last)
        return _downloaded(client, last, folder, name, watch, media_sha256, with_report)
    except (ClientError, OSError) as error:
        return _failed(name, last, error)


def _downloaded(
    client: Client,
    job: RemoteJob,
    folder: ResultFolder,
    name: str,
    watch: Watch,
    media_sha256: str | None,
    with_report: bool,
) -> Sent:
    def downloading(done: int, total: int) -> None:
        watch(name, "downloading", done / total if total else 1.0)

    local = folder.manifest()
    if local is not None and local["job"]["id"] == job.id:
        if with_report:
            folder.add_report(client, job.id)
        return Sent(name, "kept", job, folder.csv(local), local)
    manifest = folder.download(client, job.id, media_sha256=media_sha256, with_report=with_report, on_bytes=downloading)
    return Sent(name, "downloaded", job, folder.csv(manifest), manifest)


def _sha256(file: LocalFile) -> str:
    """Hash a file, or the pictures of a sequence. Raises ClientError where two would have one name as uploads."""
    if file.media != "sequence":
        return sha256_of(file.path)
    names = [upload_name(member) for member in file.members]
    if len(set(names)) < len(names):
        [(twice, _)] = Counter(names).most_common(1)
        raise ClientError(f"two pictures would have the name {twice!r} as uploads; rename one")
    return sha256_of_sequence(zip(names, map(sha256_of, file.members), strict=True))


def upload_name(file: Path) -> str:
    """Turn the file's name into an upload's, without control characters, backslashes or broken Unicode."""
    # Bytes of a file name that are not text cannot stand in an address.
    text = file.name.encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() and char != "\\" else "_" for char in text)[-LONGEST_NAME:]


def _failed(name: str, job: RemoteJob | None, error: ClientError | OSError) -> Sent:
    if isinstance(error, Stopped):
        # Stopping ends all files, not this one.
        raise error
    failure = error if isinstance(error, ClientError) else ClientError(str(error))
    return Sent(name, "failed", job, error=failure)
