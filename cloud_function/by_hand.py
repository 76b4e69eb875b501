"""Starts an analysis for a person or a script: checks the request, then hands on the service's own answer.

Separate because here a mistake is told to the caller, where the event triggers log and end.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from decision_log import log_decision
from function_settings import FunctionSettings
from media_kind import MEDIA_TYPES
from service_client import Answer, ServiceClient, ServiceUnreachable
from tracing import trace_id_of

OPTIONS = frozenset({"faces", "au", "multi_view", "overlay", "gallery"})
# Functions takes its own key from this parameter; it must not travel on.
FUNCTION_KEY_PARAMETER = "code"
LONGEST_BLOB_NAME = 1024

_CONTAINER = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHORT_FORMS = {
    "ip": ("image", "posed"),
    "iw": ("image", "wild"),
    "vp": ("video", "posed"),
    "vw": ("video", "wild"),
}


def start(request: func.HttpRequest, settings: FunctionSettings, traceparent: str) -> func.HttpResponse:
    """Answer with what the service answered, or with a problem of our own (400, 503)."""
    media = str(request.route_params.get("media", "")).lower()
    media_type = str(request.route_params.get("media_type", "")).lower()
    container = str(request.route_params.get("container", ""))
    query = {name: value for name, value in request.params.items() if name != FUNCTION_KEY_PARAMETER}
    about: dict[str, Any] = {
        "container": container,
        "blob": query.get("blob"),
        "trace_id": trace_id_of(traceparent),
    }
    refused = _refusal(media, media_type, container, query)
    if refused:
        log_decision("by_hand.refused", code=refused[0], **about)
        return _problem(400, *refused)
    media_type = _SHORT_FORMS.get(media_type, (media, media_type))[1]
    service = ServiceClient(settings, traceparent)
    try:
        answer = service.analyse(media, media_type, container, query, method=request.method)
    except ServiceUnreachable as error:
        log_decision("by_hand.unreachable", **about)
        return _problem(503, "service_unreachable", str(error), {"Retry-After": "10"})
    log_decision("by_hand.answered", status=answer.status, job_ids=answer.job_ids, **about)
    return _passed_on(answer, service)


def _refusal(media: str, media_type: str, container: str, query: Mapping[str, str]) -> tuple[str, str] | None:
    """A code and a sentence for the first thing wrong with the request."""
    if media not in ("image", "video"):
        return "unknown_media", "media must be image or video"
    if media_type not in MEDIA_TYPES and _SHORT_FORMS.get(media_type, ("", ""))[0] != media:
        return (
            "unknown_media_type",
            "media_type must be posed or wild, or the short form that agrees with media",
        )
    if not _CONTAINER.fullmatch(container):
        return "bad_container", "the container's name is not one that storage allows"
    unknown = sorted(set(query) - OPTIONS - {"blob"})
    if unknown:
        return "unknown_option", f"unknown: {' '.join(unknown)}"
    blob = query.get("blob")
    if blob is not None and not _is_blob_name(blob):
        return "bad_blob", "the blob's name is empty, too long, or has control characters or dot segments"
    return None


def _is_blob_name(blob: str) -> bool:
    dot_segments = {".", ".."} & set(blob.replace("\\", "/").split("/"))
    return 0 < len(blob) <= LONGEST_BLOB_NAME and not dot_segments and not _CONTROL.search(blob)


def _passed_on(answer: Answer, service: ServiceClient) -> func.HttpResponse:
    headers = {}
    if "Location" in answer.headers:
        headers["Location"] = service.absolute(answer.headers["Location"])
    if "Retry-After" in answer.headers:
        headers["Retry-After"] = answer.headers["Retry-After"]
    return func.HttpResponse(
        answer.body,
        status_code=answer.status,
        headers=headers,
        mimetype=answer.content_type.partition(";")[0],
    )


def _problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    body = json.dumps({"type": "about:blank", "status": status, "code": code, "detail": detail})
    return func.HttpResponse(body, status_code=status, headers=headers or {}, mimetype="application/problem+json")
