"""What the service answers, as its client reads it: jobs, results, refusals."""

from __future__ import annotations

from typing import Any, TypeVar

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.jobs.options import Media, MediaType
from service.jobs.record import FINISHED, State

M = TypeVar("M", bound=BaseModel)


class ClientError(Exception):
    """What keeps a call from its end, in a sentence.

    Attributes:
        code: stable and machine-readable; the service's own where it answered.
    """

    code = "client_error"


class ServiceUnreachable(ClientError):
    """No answer, after all retries."""

    code = "service_unreachable"


class ServiceRefused(ClientError):
    """An answer that is no success; `status` is its HTTP status."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Stopped(ClientError):
    """The caller asked for the end."""

    code = "stopped"


class Fault(BaseModel):
    """Why a job did not succeed."""

    code: str
    message: str


class RemoteJob(BaseModel):
    """A job as the service tells it; fields of newer versions are kept, too."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    state: State
    stage: str
    progress: float
    container: str
    blob: str
    media: Media
    media_type: MediaType
    error: Fault | None = None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED


class Published(BaseModel):
    """A published result."""

    job_id: str
    attempt: str
    csv_sha256: str
    manifest: dict[str, Any]


class Submitted(BaseModel):
    """The jobs that a submission made."""

    jobs: list[RemoteJob] = Field(min_length=1)


class Page(BaseModel):
    """Some jobs of a list, and where it goes on; None at its end."""

    jobs: list[RemoteJob]
    cursor: str | None


def read(model: type[M], answer: requests.Response) -> M:
    """As `parsed`, of an answer's body."""
    return parsed(model, answer.content)


def parsed(model: type[M], text: bytes | str) -> M:
    """Raises ServiceRefused where the text is something else."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise ServiceRefused(200, "strange_answer", f"the answer is no {model.__name__}") from error


def strange(answer: requests.Response, error: Exception) -> ServiceRefused:
    """For a success that is no answer."""
    return ServiceRefused(answer.status_code, "strange_answer", f"the answer cannot be read: {error}")


def refused(answer: requests.Response) -> ServiceRefused:
    """From problem+json (RFC 9457), or whatever a proxy said."""
    try:
        exit_on_error = answer.json()
        code, detail = str(exit_on_error["code"]), str(exit_on_error["detail"])
    except (ValueError, KeyError, TypeError):
        code, detail = f"http_{answer.status_code}", f"{answer.status_code} {answer.reason or ''}".strip()
    return ServiceRefused(answer.status_code, code, detail)


def unreachable(method: str, path: str, error: Exception) -> ServiceUnreachable:
    """With the reason that lies below what urllib3 wrapped around it."""
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    return ServiceUnreachable(f"no answer to {method} {path}: {reason}")
