"""Files of this machine through a service: uploaded, submitted, followed, downloaded.

Every step looks first for what is there already, so that the same call again resumes: the container of an upload
follows from the file's bytes, the job from the upload, and a whole result is known by its hash.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from service.client.client import Client
from service.client.models import ClientError, RemoteJob, ServiceRefused, Stopped
from service.client.result_folder import ResultFolder
from service.client.two_stage_pool import in_two_steps
from service.jobs.options import JobOptions, Media, MediaType
from service.storage.local_files import sha256_of

Outcome = Literal["downloaded", "kept", "succeeded", "submitted", "failed"]
Watch = Callable[[str, str, float], None]
"""Called with a file's name, what happens to it, and how much of that is done (0 to 1)."""

LONGEST_BLOB = 1024


@dataclass(frozen=True)
class LocalFile:
    """A file to be sent; `name` tells it from the others, and names its folder of results."""

    path: Path
    name: str
    media: Media


@dataclass(frozen=True)
class Sent:
    """What became of one file, or of one job.

    Attributes:
        job: the last that was heard of it; None where it did not come so far.
        csv, manifest: of a result that is on this machine now.
    """

    name: str
    outcome: Outcome
    job: RemoteJob | None = None
    csv: Path | None = None
    manifest: dict[str, Any] | None = None
    error: ClientError | None = None

    def as_dict(self) -> dict[str, Any]:
        """One line of `--json`."""
        return {
            "file": self.name,
            "outcome": self.outcome,
            "job": self.job.model_dump(mode="json") if self.job else None,
            "csv": str(self.csv) if self.csv else None,
            "error": {"code": self.error.code, "message": str(self.error)} if self.error else None,
        }


class JobFailed(ClientError):
    """A job ended otherwise than well; `code` is the job's own."""

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
    """Sends files.

    Attributes:
        options: of the analysis, as the route takes them.
        out: folder of the results; None downloads nothing.
        wait: follow the jobs to their end.
        with_report: download the reports, too, which the service then has to make.
        at_once: files that are sent at once, and as many that are followed.
    """

    client: Client
    media_type: MediaType
    options: Mapping[str, str] = field(default_factory=dict)
    out: Path | None = None
    wait: bool = True
    with_report: bool = True
    at_once: int = 8
    stop: threading.Event = field(default_factory=threading.Event)

    def send(self, files: Sequence[LocalFile], watch: Watch) -> Iterator[Sent]:
        """All files, each yielded when it is done; a failed one does not keep the rest from it."""
        return in_two_steps(
            files,
            lambda file: self._begin(file, watch),
            lambda begun: self._end(begun, watch),
            at_once=self.at_once,
            stop=self.stop,
        )

    def _begin(self, file: LocalFile, watch: Watch) -> _Begun:
        """Until there is a job."""
        try:
            watch(file.name, "reading", 0.0)
            sha256 = sha256_of(file.path)
            if kept := self._kept(file, sha256):
                return _Begun(file, sent=kept)
            job = self._job(file, sha256, watch)
            sent = None if self.wait else Sent(file.name, "submitted", job)
            return _Begun(file, sha256, job, sent)
        except (ClientError, OSError) as error:
            return _Begun(file, sent=_failed(file.name, None, error))

    def _job(self, file: LocalFile, sha256: str, watch: Watch) -> RemoteJob:
        container, blob = container_of(sha256), blob_name(file.path)
        watch(file.name, "submitting", 0.0)
        try:
            return self.client.submit(file.media, self.media_type, container, blob, self.options)
        except ServiceRefused as refused:
            if refused.status != 404:
                raise

        def uploading(done: int, total: int) -> None:
            watch(file.name, "uploading", done / total if total else 1.0)

        self.client.upload(file.path, container, blob, sha256=sha256, media_type=self.media_type, on_bytes=uploading)
        return self.client.submit(file.media, self.media_type, container, blob, self.options)

    def _end(self, begun: _Begun, watch: Watch) -> Sent:
        """From the job to its result."""
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
        """A whole result of the same bytes and options that is here already."""
        if self.out is None:
            return None
        folder = ResultFolder(self.out / file.name)
        manifest = folder.manifest()
        if manifest is None or (self.with_report and not folder.has_report):
            return None
        wanted = JobOptions.resolve(file.media, self.media_type, self.options)
        exit_on_error = manifest["job"]
        same = (manifest["media"]["sha256"], exit_on_error["media_type"], exit_on_error["options"]) == (
            sha256,
            self.media_type,
            vars(wanted),
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
    """Follow a job to its end, and download its result into the folder, where there is one."""
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

    here = folder.manifest()
    if here is not None and here["job"]["id"] == job.id:
        if with_report:
            folder.add_report(client, job.id)
        return Sent(name, "kept", job, folder.csv(here), here)
    manifest = folder.download(client, job.id, media_sha256=media_sha256, with_report=with_report, on_bytes=downloading)
    return Sent(name, "downloaded", job, folder.csv(manifest), manifest)


def container_of(sha256: str) -> str:
    """The container of an upload: the same bytes are always the same upload."""
    return f"c-{sha256[:32]}"


def blob_name(file: Path) -> str:
    """The file's name as a blob's: the service takes no control characters, backslashes or broken Unicode."""
    # Whatever the file system holds that is no text has no place in an address.
    text = file.name.encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() and char != "\\" else "_" for char in text)[-LONGEST_BLOB:]


def _failed(name: str, job: RemoteJob | None, error: ClientError | OSError) -> Sent:
    if isinstance(error, Stopped):
        # The end of everything, and not of this file.
        raise error
    exit_on_error = error if isinstance(error, ClientError) else ClientError(str(error))
    return Sent(name, "failed", job, error=exit_on_error)
