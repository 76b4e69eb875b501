"""Start an analysis over HTTP, for a person or a script: pass on the request, and the service's answer to it.

Separate because here a mistake is reported to the caller, where the event triggers log and end. What may be asked
for is the service's to decide; this file only refuses words that would make another path of the address.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from deadline import Deadline
from decision_log import log_decision
from errors import RetryLater
from function_settings import FunctionSettings
from service_client import Answer, ServiceClient
from tracing import trace_id_of

# Functions takes its own key from this parameter; it must not travel on.
FUNCTION_KEY_PARAMETER = "code"
RETRY_AFTER_S = 10

# No dots and no slashes, so no word can leave its segment of the path.
_PATH_WORD = re.compile(r"\$?[A-Za-z0-9-]{1,63}")


def start(request: func.HttpRequest, settings: FunctionSettings, traceparent: str) -> func.HttpResponse:
    """Answer with the service's answer, or with a problem of this app (400, 503)."""
    media, media_type, container = (
        str(request.route_params.get(name, "")) for name in ("media", "media_type", "container")
    )
    query = {name: value for name, value in request.params.items() if name != FUNCTION_KEY_PARAMETER}
    about: dict[str, Any] = {
        "container": container,
        "blob": query.get("blob"),
        "trace_id": trace_id_of(traceparent),
    }
    if not all(map(_PATH_WORD.fullmatch, (media, media_type, container))):
        log_decision("http.refused", code="bad_path", **about)
        return _problem(400, "bad_path", "media, media type and container have letters, digits and hyphens")
    service = ServiceClient(settings, Deadline.after(settings.event_time_limit_s), traceparent)
    try:
        answer = service.analyse(media, media_type, container, query, method=request.method)
    except RetryLater as error:
        log_decision("http.unreachable", error=str(error), **about)
        return _unreachable(str(error))
    if not (answer.is_problem or (answer.succeeded and answer.job_ids is not None)):
        log_decision("http.unreachable", status=answer.status, **about)
        return _unreachable(f"the address of the service answered {answer.status}, and not the service itself")
    log_decision("http.answered", status=answer.status, job_ids=answer.job_ids, **about)
    return _passed_on(answer, service)


def _passed_on(answer: Answer, service: ServiceClient) -> func.HttpResponse:
    headers = {name: answer.headers[name] for name in ("Location", "Retry-After") if name in answer.headers}
    if "Location" in headers:
        headers["Location"] = service.absolute(headers["Location"])
    return func.HttpResponse(answer.body, status_code=answer.status, headers=headers, mimetype=answer.media_type)


def _unreachable(detail: str) -> func.HttpResponse:
    return _problem(503, "service_unreachable", detail, {"Retry-After": str(RETRY_AFTER_S)})


def _problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    body = json.dumps({"type": "about:blank", "status": status, "code": code, "detail": detail})
    return func.HttpResponse(body, status_code=status, headers=headers or {}, mimetype="application/problem+json")
