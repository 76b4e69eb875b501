"""Call the analysis service over HTTP, and read which of its answers are final.

Separate because one file knows the service's routes, headers, statuses and codes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urljoin

from deadline import Deadline
from errors import ServiceUnreachable
from function_settings import FunctionSettings
from http_call import CallFailed, HttpAnswer, call

PROBLEM = "application/problem+json"
# Codes of the service with which the same request is refused again. A status alone says nothing: an ingress answers
# 404, too, while no replica of the service runs.
FINAL_CODES: Mapping[int, frozenset[str]] = {
    400: frozenset(
        {
            "bad_blob",
            "bad_container",
            "bad_option",
            "bad_request",
            "option_unavailable",
            "unknown_media",
            "unknown_media_type",
            "unknown_option",
        }
    ),
    404: frozenset({"container_not_found", "gallery_not_found", "job_not_found", "media_not_found", "no_media"}),
    413: frozenset({"media_too_large"}),
    415: frozenset({"unsupported_media"}),
}
# The service takes the function app's key for wrong: no retry helps until someone sets another.
KEY_REFUSED = frozenset({401, 403})


@dataclass(frozen=True)
class Answer:
    """An answer to a call of the service, which another server may have given in its place."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str]

    @property
    def succeeded(self) -> bool:
        """A 2xx status and the JSON object of a success."""
        return 200 <= self.status < 300 and self.media_type == "application/json" and bool(self.json)

    @property
    def is_problem(self) -> bool:
        """A problem document with a code, as the service answers every error."""
        return self.status >= 400 and self.media_type == PROBLEM and isinstance(self.json.get("code"), str)

    @property
    def is_final(self) -> bool:
        """The service would refuse the same request again."""
        return self.is_problem and self.code in FINAL_CODES.get(self.status, frozenset())

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.content_type.partition(";")[0].strip().lower()

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body's JSON object; empty where the body is something else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def job_ids(self) -> list[str] | None:
        """The ids of the jobs in the answer; None where it lists no jobs."""
        jobs = self.json.get("jobs")
        if not isinstance(jobs, list) or not all(isinstance(job, dict) and "id" in job for job in jobs):
            return None
        return [str(job["id"]) for job in jobs]

    @property
    def code(self) -> str:
        """The stable code of a problem document, else the bare status."""
        return str(self.json.get("code") or self.status)


class ServiceClient:
    """The service's routes that the function app uses, for one invocation."""

    def __init__(self, settings: FunctionSettings, deadline: Deadline, traceparent: str) -> None:
        self._url = settings.service_url
        self._deadline = deadline
        self._headers = {"traceparent": traceparent, "Accept": f"application/json, {PROBLEM}"}
        if settings.service_api_key:
            self._headers["X-API-Key"] = settings.service_api_key

    def analyse(
        self, media: str, media_type: str, container: str, query: Mapping[str, str], *, method: str = "POST"
    ) -> Answer:
        """Request the analysis of a container, or of one blob of it: `query` has `blob` and the options."""
        path = "/".join(quote(segment, safe="") for segment in (media, media_type, container))
        return self._call(method, f"/analyse/{path}", query)

    def results(self, job_id: str, links: str) -> Answer:
        """Read the links to a job's published results, and its manifest; `links` is `sas` or `plain`."""
        return self._call("GET", f"/jobs/{job_id}/results", {"links": links})

    def absolute(self, location: str) -> str:
        """Make a `Location` of the service valid outside of it."""
        return urljoin(f"{self._url}/", location)

    def _call(self, method: str, path: str, query: Mapping[str, str]) -> Answer:
        try:
            answer = call(method, self._url + path, self._deadline, params=query, headers=self._headers)
        except CallFailed as error:
            raise ServiceUnreachable(f"{method} {path}: {error}") from error
        return _answer(answer)


def _answer(answer: HttpAnswer) -> Answer:
    content_type = answer.headers.get("Content-Type", "application/octet-stream")
    return Answer(answer.status, answer.body, content_type, answer.headers)
