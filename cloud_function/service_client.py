"""Calls the analysis service over HTTP, and says which of its answers are worth another try.

Separate so that one file knows the service's routes, headers and status codes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

import requests

from function_settings import FunctionSettings

# The same request would get the same answer again: trying later cannot help.
FINAL_REFUSALS = frozenset({400, 404, 413, 415})


class RetryLater(Exception):
    """This invocation failed in a way that may pass; raised so that the host runs it again."""


class ServiceUnreachable(RetryLater):
    """No answer from the service: no connection, or none within the time limit."""


@dataclass(frozen=True)
class Answer:
    """What the service said."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str]

    @property
    def succeeded(self) -> bool:
        """The service took the request."""
        return 200 <= self.status < 300

    @property
    def refused_for_good(self) -> bool:
        """The same request would be refused again."""
        return self.status in FINAL_REFUSALS

    def json(self) -> dict[str, Any]:
        """The body's JSON object; empty where it is something else."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs in the answer."""
        jobs = self.json().get("jobs")
        return [str(job["id"]) for job in jobs if "id" in job] if isinstance(jobs, list) else []

    @property
    def code(self) -> str:
        """The stable code of a problem+json answer, or the bare status."""
        return str(self.json().get("code") or self.status)


class ServiceClient:
    """The service's routes that the function app uses."""

    def __init__(self, settings: FunctionSettings, traceparent: str) -> None:
        self._url = settings.service_url
        self._time_limit_s = settings.call_time_limit_s
        self._headers = {"traceparent": traceparent, "Accept": "application/json, application/problem+json"}
        if settings.service_api_key:
            self._headers["X-API-Key"] = settings.service_api_key

    def analyse(
        self, media: str, media_type: str, container: str, query: Mapping[str, str], *, method: str = "POST"
    ) -> Answer:
        """Ask for the analysis of a container, or of one blob of it: `query` has `blob` and the options."""
        return self._call(method, f"/analyse/{media}/{media_type}/{quote(container, safe='')}", query)

    def results(self, job_id: str, links: str) -> Answer:
        """Links to a job's published results, and its manifest; `links` is `sas` or `plain`."""
        return self._call("GET", f"/jobs/{job_id}/results", {"links": links})

    def absolute(self, location: str) -> str:
        """A `Location` of the service as an address that means the same outside it."""
        return urljoin(f"{self._url}/", location)

    def _call(self, method: str, path: str, query: Mapping[str, str]) -> Answer:
        try:
            response = requests.request(
                method,
                self._url + path,
                params=dict(query),
                headers=self._headers,
                timeout=self._time_limit_s,
                # Following a redirect would turn a POST into a GET.
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # The error's own text has the whole address; a type name is enough, and holds no secret.
            raise ServiceUnreachable(f"{method} {path}: {type(error).__name__}") from error
        content_type = response.headers.get("Content-Type", "application/octet-stream")
        return Answer(response.status_code, response.content, content_type, response.headers)
