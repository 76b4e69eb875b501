"""Check and read a next-stage call of the function app.

The contract is `cloud_function/next_stage.py`: a JSON body, signed by HMAC over time stamp and raw body.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import AnalysisError, BadRequest

SHORTEST_SECRET = 16
LATE_S = 300
"""Largest difference between a call's time stamp and the clock, against replays of recorded calls."""
FETCH_S = (5.0, 30.0)
PIECE_BYTES = 1 << 20


class NotSigned(AnalysisError):
    """The call has no valid signature of the last five minutes."""

    code = "not_signed"
    http_status = HTTPStatus.UNAUTHORIZED


class ForbiddenLink(AnalysisError):
    """The call names a table outside the storage that this receiver may read."""

    code = "forbidden_link"
    http_status = HTTPStatus.FORBIDDEN


class NotFetched(AnalysisError):
    """The table cannot be read, or is not the announced one; a later call may succeed."""

    code = "not_fetched"
    http_status = HTTPStatus.BAD_GATEWAY
    retryable = True


class Links(BaseModel):
    """Links of a call."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    csv: str = Field(max_length=8000)


class Announcement(BaseModel):
    """The content of a call."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    job_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    container: str = Field(max_length=63)
    blob: str = Field(max_length=1024)
    csv_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    links: Links
    manifest: dict[str, Any]

    @classmethod
    def read(cls, body: bytes, key: str) -> Announcement:
        """Parse a call. Raises BadRequest for another form, or under another job's key."""
        try:
            call = cls.model_validate_json(body)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"])) or "body"
            raise BadRequest(f"not an announcement of a result: {where}: {fault['msg']}", "bad_announcement") from error
        if key != call.job_id:
            raise BadRequest("the Idempotency-Key is not the job's id", "bad_key")
        return call


def check_signature(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Check the signature. Raises NotSigned."""
    timestamp, given = headers.get("X-Signature-Timestamp", ""), headers.get("X-Signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise NotSigned
    # As bytes: texts that are not ASCII cannot be compared in constant time.
    expected = signature(secret, timestamp, body).encode()
    is_signed = hmac.compare_digest(expected, given.encode("utf-8", "replace"))
    if not is_signed or abs(time.time() - int(timestamp)) > LATE_S:
        raise NotSigned


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `X-Signature`, as the function app forms it too."""
    return f"sha256={hmac.new(secret.encode(), timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def check_link(link: str, allowed: Sequence[str]) -> None:
    """Check that a link lies below an allowed address, however a proxy or library may parse it.

    Raises:
        ForbiddenLink.
    """
    try:
        parts = urlsplit(link)
    except ValueError as error:
        raise ForbiddenLink from error
    path = unquote(unquote(parts.path))
    plain = not (parts.username or parts.fragment or "\\" in path or {".", ".."} & set(path.split("/")))
    if not link.isascii() or not link.isprintable() or not plain:
        raise ForbiddenLink
    for address in allowed:
        base = urlsplit(address)
        same_place = (parts.scheme, parts.hostname, _port(parts)) == (base.scheme, base.hostname, _port(base))
        if same_place and parts.path.startswith(base.path.rstrip("/") + "/"):
            return
    raise ForbiddenLink


def fetch(link: str, target: Path, sha256: str, most_bytes: int) -> None:
    """Download the table at a checked link.

    Raises:
        NotFetched: no answer, too long, or other bytes than announced.
    """
    digest, size = hashlib.sha256(), 0
    try:
        # No redirects, which could lead anywhere; no proxies and no .netrc.
        with requests.Session() as session:
            session.trust_env = False
            with session.get(link, stream=True, timeout=FETCH_S, allow_redirects=False) as answer:
                if answer.status_code != requests.codes.ok:
                    raise NotFetched(f"storage answered {answer.status_code} for the table")
                with target.open("xb") as file:
                    for piece in answer.iter_content(PIECE_BYTES):
                        size += file.write(piece)
                        digest.update(piece)
                        if size > most_bytes:
                            raise NotFetched(f"the table is longer than {most_bytes:,} bytes")
    except requests.RequestException as error:
        # The error's text would contain the link, which grants read access.
        raise NotFetched(f"storage did not answer: {type(error).__name__}") from None
    if digest.hexdigest() != sha256:
        raise NotFetched("the table is not the announced one")


def _port(parts: Any) -> int | None:
    try:
        port: int | None = parts.port
    except ValueError:
        return -1
    return port or {"http": 80, "https": 443}.get(parts.scheme)
