"""Client of the service's HTTP API: upload, submit, follow, fetch.

    with Client("https://media.example.org", key) as client:
        there = client.upload_own(Path("clip.mp4"))
        job = client.submit("video", "wild", there.container, there.blob)
        for job in client.follow(job.id):
            print(job.stage, job.progress)
        client.fetch(f"/jobs/{job.id}/result.csv", target)
        print(client.analyse_image("portrait.jpg").faces)

Every call can be repeated without harm, and is repeated after a broken connection and after the statuses 429, 502, 503
and 504, as `Retry-After` says. Several threads may share a client. Return values and errors are in
`service.client.models`.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from sseclient import SSEClient
from urllib3.util import Retry

from service.client.faces import AnalysedImage, FoundFace, encoded
from service.client.models import (
    FilePlace,
    Page,
    Published,
    RemoteJob,
    ServiceRefused,
    ServiceUnreachable,
    Stopped,
    Submitted,
    UploadedFile,
    invalid_response,
    parse_body,
    parse_list,
    parse_text,
    refused,
    unreachable,
)
from service.jobs.media_kind import JobMedia, MediaType
from service.jobs.record import State
from service.storage.local_files import sha256_of

if TYPE_CHECKING:
    from service.client.faces import Picture

KEY_HEADER = "X-API-Key"
SHA256_HEADER = "X-Content-SHA256"

CONNECT_S = 30.0
"""Time limit of connecting, and of sending each piece of an upload."""
ANSWER_S = 180.0
"""Time limit of a response; a report is made on its first request."""
QUIET_S = 15.0
"""Longest silence of an event stream, which sends something every second."""
POLL_S = 2.0
PIECE_BYTES = 256 << 10
CONNECTIONS = 64

RETRIES = 6
BACKOFF_S = 0.5
LONGEST_WAIT_S = 120
TRY_AGAIN = (429, 502, 503, 504)

Progress = Callable[[int, int], None]
"""Called with the bytes so far and in all; an error that it raises ends the call."""


class Client:
    """Client of one service.

    Args:
        url: address of the service, such as `https://media.example.org`.
        key: an API key; sent in a header and never in an address. Empty where the service needs none.
        retries: of each call.
        stop: once it is set, waiting and transferring calls raise Stopped.

    All methods raise ServiceUnreachable and ServiceRefused.
    """

    def __init__(self, url: str, key: str = "", *, retries: int = RETRIES, stop: threading.Event | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"{url!r} is not the http(s) address of a service")
        self._url = url.rstrip("/")
        self._stop = stop or threading.Event()
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json, application/problem+json;q=0.9, */*;q=0.5"
        if key:
            self._session.headers[KEY_HEADER] = key
        # No call needs cookies, and threads would share them.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=_retry(retries))
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def __repr__(self) -> str:
        return f"<Client of {self._url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def upload(
        self,
        file: Path,
        container: str,
        blob: str,
        *,
        sha256: str | None = None,
        media_type: MediaType | None = None,
        member: bool = False,
        study: str = "",
        on_bytes: Progress | None = None,
    ) -> None:
        """Upload a file. Does nothing where the same bytes are there; 409 where others are.

        Args:
            sha256: of the file, in hex, which the service checks; computed where it is not given.
            media_type: written into the blob's metadata.
            member: a picture of a sequence, that is no job by itself.
            study: kept in a new blob's metadata; state it to `submit` as well.
        """
        stated = {"blob": blob, "media_type": media_type, "media": "sequence" if member else None, "study": study}
        query = {name: value for name, value in stated.items() if value}
        self._put(file, f"/uploads/{quote(container, safe='')}", query, sha256 or sha256_of(file), on_bytes)

    def upload_own(
        self,
        file: Path,
        name: str | None = None,
        *,
        sha256: str | None = None,
        media_type: MediaType | None = None,
        study: str = "",
        on_bytes: Progress | None = None,
    ) -> UploadedFile:
        """Upload a file into the caller's own container; returns where it is. The same bytes are stored once.

        Args:
            name: of the file, without a folder; its own where none is given.
            sha256, media_type, study: as of `upload`.
        """
        stated = {"name": name or file.name, "media_type": media_type, "study": study}
        query = {name: value for name, value in stated.items() if value}
        digest = sha256 or sha256_of(file)
        return parse_body(UploadedFile, self._put(file, "/uploads", query, digest, on_bytes))

    def detect(self, picture: Picture, *, upsample: bool = False) -> list[FoundFace]:
        """Find the faces of a picture at once, largest first; nothing is stored.

        Args:
            picture: a path, a file's bytes, a (height, width, 3) uint8 RGB array, or a PIL picture.
            upsample: also find small faces.
        """
        return parse_list(FoundFace, self._at_once("/api/detect", picture, upsample))

    def analyse_image(self, picture: Picture, *, upsample: bool = False) -> AnalysedImage:
        """Measure the faces of a picture at once, largest first; nothing is stored.

        Args:
            picture, upsample: as of `detect`.
        """
        return parse_body(AnalysedImage, self._at_once("/api/analyse-image", picture, upsample))

    def _at_once(self, path: str, picture: Picture, upsample: bool) -> requests.Response:
        # The service tells the format by the bytes.
        headers = {"Content-Type": "application/octet-stream"}
        query = {"upsample": "1"} if upsample else {}
        return self._ask("POST", path, query, headers=headers, data=encoded(picture))

    def find_upload(self, name: str, sha256: str) -> UploadedFile | None:
        """Find a file in the caller's own containers by its name and SHA-256; None where it is not there."""
        answer = self._ask("GET", "/uploads", {"name": name, "sha256": sha256})
        return parse_body(FilePlace, answer).upload

    def has_upload(self, container: str, blob: str, size: int) -> bool:
        """Whether a blob of this name and size, in bytes, was uploaded."""
        try:
            answer = self._ask("GET", f"/uploads/{quote(container, safe='')}", {"blob": blob})
        except ServiceRefused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return bool(answer.json().get("size") == size)

    def submit(
        self,
        media: JobMedia,
        media_type: MediaType,
        container: str,
        blob: str,
        options: Mapping[str, str] | None = None,
        *,
        study: str = "",
        callbacks: Sequence[str] = (),
    ) -> RemoteJob:
        """Submit a blob, or the prefix of a sequence; equal requests return the same job. 404 where there is none.

        Args:
            study: name of the study into which the job is put, besides others that it stands in.
            callbacks: addresses that get a signed call when the job ends.
        """
        path = f"/analyse/{media}/{media_type}/{quote(container, safe='')}"
        query: dict[str, Any] = {"blob": blob, **(options or {})}
        query |= ({"study": study} if study else {}) | ({"callback": list(callbacks)} if callbacks else {})
        answer = self._ask("POST", path, query)
        return parse_body(Submitted, answer).jobs[0]

    def job(self, job_id: str) -> RemoteJob:
        """Return a job's current state."""
        return parse_body(RemoteJob, self._ask("GET", _path(job_id)))

    def jobs(
        self, *, container: str | None = None, state: State | None = None, study: str | None = None
    ) -> Iterator[RemoteJob]:
        """Iterate over the jobs, newest first; with `study` over those of a study, whatever their container."""
        path = f"/studies/{quote(study, safe='')}/jobs" if study else "/jobs"
        stated = (("container", None if study else container), ("state", state))
        query = {name: value for name, value in stated if value}
        while True:
            page = parse_body(Page, self._ask("GET", path, query))
            yield from page.jobs
            if not page.cursor:
                return
            query |= {"cursor": page.cursor}

    def follow(self, job_id: str) -> Iterator[RemoteJob]:
        """Yield a job at each of its changes, until it has finished: by server-sent events, else by polling.

        Raises:
            Stopped.
        """
        by_events = True
        while True:
            if by_events:
                # Without any event, a proxy in between holds the stream back: poll.
                by_events = False
                try:
                    for job in self._events(job_id):
                        by_events = True
                        yield job
                        if job.is_finished:
                            return
                except (ServiceUnreachable, ServiceRefused):
                    # A lasting error shows in the request below as well.
                    pass
            job = self.job(job_id)
            yield job
            if job.is_finished:
                return
            if self._stop.wait(POLL_S):
                raise Stopped("stopped")

    def results(self, job_id: str) -> Published:
        """Return a published result. 409 while there is none."""
        return parse_body(Published, self._ask("GET", f"{_path(job_id)}/results"))

    def manifest(self, job_id: str) -> dict[str, Any]:
        """Return the manifest of a result, or of a failed job with its error."""
        answer = self._ask("GET", f"{_path(job_id)}/manifest.json")
        try:
            return dict(answer.json())
        except (ValueError, TypeError) as error:
            raise invalid_response(answer, error) from error

    def fetch(self, path: str, target: Path, on_bytes: Progress | None = None) -> str:
        """Download `path` into a new file; returns its SHA-256 in hex.

        An incomplete body raises, and leaves no file.
        """
        report = self._checked(on_bytes)
        answer = self._ask("GET", path, stream=True)
        digest, done, total = hashlib.sha256(), 0, int(answer.headers.get("Content-Length", 0))
        try:
            with answer, target.open("xb") as file:
                for piece in answer.iter_content(PIECE_BYTES):
                    done += file.write(piece)
                    digest.update(piece)
                    report(done, max(done, total))
        except requests.RequestException as error:
            target.unlink()
            raise unreachable("GET", path, error) from error
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return digest.hexdigest()

    def _put(
        self, file: Path, path: str, query: Mapping[str, str], sha256: str, on_bytes: Progress | None
    ) -> requests.Response:
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        with _Counted(file, self._checked(on_bytes)) as body:
            headers = {"Content-Type": kind, SHA256_HEADER: sha256}
            # requests would send an empty file in chunks, which the service does not take.
            data = body if file.stat().st_size else b""
            return self._ask("PUT", path, query, headers=headers, data=data)

    def _events(self, job_id: str) -> Iterator[RemoteJob]:
        path = f"{_path(job_id)}/events"
        headers = {"Accept": "text/event-stream"}
        with self._ask("GET", path, headers=headers, stream=True, answer_s=QUIET_S) as answer:
            try:
                for event in SSEClient(self._pieces(answer)).events():
                    if event.event in ("job", "end"):
                        yield parse_text(RemoteJob, event.data)
            except requests.RequestException as error:
                raise unreachable("GET", path, error) from error

    def _pieces(self, answer: requests.Response) -> Iterator[bytes]:
        for piece in answer.iter_content(None):
            if self._stop.is_set():
                raise Stopped("stopped")
            yield piece

    def _checked(self, on_bytes: Progress | None) -> Progress:
        def report(done: int, total: int) -> None:
            if self._stop.is_set():
                raise Stopped("stopped")
            if on_bytes:
                on_bytes(done, total)

        return report

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | list[str]] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        data: io.FileIO | bytes | None = None,
        stream: bool = False,
        answer_s: float = ANSWER_S,
    ) -> requests.Response:
        if self._stop.is_set():
            raise Stopped("stopped")
        try:
            answer = self._session.request(
                method,
                self._url + path,
                params=dict(query or {}),
                headers=dict(headers or {}),
                data=data,
                stream=stream,
                timeout=(CONNECT_S, answer_s),
                # A redirect would carry the key to an address that is not configured.
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise unreachable(method, path, error) from error
        if not 200 <= answer.status_code < 300:
            with answer:
                raise refused(answer)
        return answer


class _Counted(io.FileIO):
    """A file that reports how far it has been read; it can be read again for a retry."""

    def __init__(self, file: Path, report: Progress) -> None:
        super().__init__(file, "rb")
        self._report = report
        self._size = file.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes | Any:
        piece = super().read(-1 if size is None else size)
        self._report(self.tell(), self._size)
        return piece


def _retry(times: int) -> Retry:
    return Retry(
        total=times,
        status_forcelist=TRY_AGAIN,
        allowed_methods=None,
        backoff_factor=BACKOFF_S,
        retry_after_max=LONGEST_WAIT_S,
        # The last response is more informative than "too many retries".
        raise_on_status=False,
    )


def _path(job_id: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}"
