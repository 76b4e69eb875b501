"""Sentences for problems by their codes, for pages in other languages than the API's English."""

from __future__ import annotations

from collections.abc import Mapping

from service import errors
from service.errors import AnalysisError

_KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AnalysisError) and kind is not AnalysisError
]

_WHOLE = {
    "already_finished": "The job has finished already.",
    "checksum_mismatch": "The file changed on its way: what arrived is not what was sent.",
    "csrf": "This browser’s session has changed. Load the page again.",
    "empty_upload": "The file is empty.",
    "face_not_found": "There is no such face.",
    "gallery_not_found": "There is no such gallery.",
    "incomplete_upload": "The upload broke off before its end.",
    "job_not_found": "There is no such job.",
    "no_face": "No face was found in the picture.",
    "no_manifest": "The manifest of this result has been deleted.",
    "no_overlay": "This job has no overlay.",
    "not_finished": "The job is still under way; only a finished job runs again.",
    "not_published": "The job has no result.",
    "person_not_found": "There is no such person.",
    "several_faces": "The picture has several faces; one is needed.",
    "study_not_found": "There is no such study.",
    "unauthorized": "An API key is needed, or the given one is not valid.",
}
_WITH_DETAILS = {
    "bad_blob": "The file’s name cannot be stored as it is.",
    "bad_option": "An option has a value that it cannot have.",
    "container_not_found": "There is no such container.",
    "forbidden": "This API key does not allow that.",
    "method_not_allowed": "This address does not answer to such a request.",
    "no_media": "No such file was found.",
    "option_unavailable": "This deployment does not offer that option.",
    "rate_limited": "These were too many requests. Try again in a little while.",
    "request_entity_too_large": "What was sent is larger than this service takes.",
}

WHOLE = frozenset(_WHOLE)
"""Codes whose sentence says all; after the other sentences pages show the API's English detail."""

ERRORS: Mapping[str, str] = {
    **{kind.code: (kind.__doc__ or "").splitlines()[0] for kind in _KINDS},
    **_WITH_DETAILS,
    **_WHOLE,
}
"""What went wrong, by code."""

ADVICE: Mapping[str, str] = {kind.code: kind.advice for kind in _KINDS}
"""What to do about it, by code of a job's error."""

TITLES: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    410: "Gone",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""Titles of error pages by status; Python's own phrases differ between its versions."""
