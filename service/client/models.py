"""The client's models of jobs and results, and its errors."""

from __future__ import annotations

from typing import Any, TypeVar

import requests
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.jobs.media_kind import JobMedia, MediaType
from service.jobs.record import FINISHED, State

M = TypeVar("M", bound=BaseModel)


class ClientError(Exception):
    """The base of the client's errors; the message is a sentence.

    Attributes:
        code: stable and machine-readable; the service's code where it answered.
    """

    code = "client_error"


class ServiceUnreachable(ClientError):
    """No response, after all retries."""

    code = "service_unreachable"


class ServiceRefused(ClientError):
    """The service refused the request; `status` is the HTTP status."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Stopped(ClientError):
    """The caller's stop event is set."""

    code = "stopped"


class Fault(BaseModel):
    """The error of a job."""

    code: str
    message: str


class RemoteJob(BaseModel):
    """A job of the service; fields of newer versions are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    state: State
    stage: str
    progress: float
    container: str
    blob: str
    media: JobMedia
    media_type: MediaType
    error: Fault | None = None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    def __repr__(self) -> str:
        return f"<RemoteJob {self.id[:12]} {self.state}: {self.container}/{self.blob}>"


class Published(BaseModel):
    """A published result."""

    job_id: str
    attempt: str
    csv_sha256: str
    manifest: dict[str, Any]


class UploadedFile(BaseModel):
    """A file in storage."""

    model_config = ConfigDict(extra="allow", frozen=True)

    container: str
    blob: str


class FilePlace(BaseModel):
    """The place of a file in the caller's own containers; `upload` is None where it is not there."""

    upload: UploadedFile | None


class Submitted(BaseModel):
    """Response of a submission: its jobs."""

    jobs: list[RemoteJob] = Field(min_length=1)


class Page(BaseModel):
    """A page of a list of jobs; the cursor is None at its end."""

    jobs: list[RemoteJob]
    cursor: str | None


def parse_body(model: type[M], answer: requests.Response) -> M:
    """Parse a response's body. Raises ServiceRefused where it does not fit the model."""
    return parse_text(model, answer.content)


def parse_list(model: type[M], answer: requests.Response) -> list[M]:
    """Parse a response's body as a list. Raises ServiceRefused where it does not fit the model."""
    try:
        return TypeAdapter(list[model]).validate_json(answer.content)  # type: ignore[valid-type]
    except ValidationError as error:
        raise ServiceRefused(200, "strange_answer", f"the response is no list of {model.__name__}") from error


def parse_text(model: type[M], text: bytes | str) -> M:
    """Parse JSON text. Raises ServiceRefused where it does not fit the model."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise ServiceRefused(200, "strange_answer", f"the response is not a {model.__name__}") from error


def invalid_response(answer: requests.Response, error: Exception) -> ServiceRefused:
    """Make the error for a successful response that cannot be parsed."""
    return ServiceRefused(answer.status_code, "strange_answer", f"the response cannot be read: {error}")


def refused(answer: requests.Response) -> ServiceRefused:
    """Make the error for a refusal: from problem+json (RFC 9457), or from the status of a proxy's response."""
    try:
        problem = answer.json()
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        code, detail = f"http_{answer.status_code}", f"{answer.status_code} {answer.reason or ''}".strip()
    return ServiceRefused(answer.status_code, code, detail)


def unreachable(method: str, path: str, error: Exception) -> ServiceUnreachable:
    """Make the error for a failed connection, with the reason inside urllib3's wrapper."""
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    return ServiceUnreachable(f"no answer to {method} {path}: {reason}")
