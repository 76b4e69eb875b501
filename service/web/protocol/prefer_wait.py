"""`Prefer: wait=N` (RFC 7240): hold the response, since many jobs take only seconds."""

from __future__ import annotations

import time

from flask import Response, request
from werkzeug.http import parse_dict_header

from service.jobs.record import JobRecord
from service.jobs.watcher import JobWatcher
from service.web.protocol import work_slots

LONGEST_S = 25
LONGEST_READ = 1000


def waited(watcher: JobWatcher, records: list[JobRecord]) -> tuple[list[JobRecord], int]:
    """Wait until all jobs have finished or the caller's time is over.

    Returns the records and the seconds that were granted; 0 where the request has no preference.
    """
    seconds = _preferred_wait_s(request.headers.get("Prefer", ""))
    until = time.monotonic() + seconds
    if not seconds:
        return records, 0
    with watcher.following(records) as following, work_slots.given_back():
        while not following.is_over and (left := until - time.monotonic()) > 0:
            following.wait(left)
        return following.records, seconds


def applied(response: Response, seconds: int) -> Response:
    """Add the header that names the preference that was honoured."""
    if seconds:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


def _preferred_wait_s(header: str) -> int:
    """Read the preferred wait; an unreadable preference is ignored, as the RFC asks."""
    value = parse_dict_header(header.lower()).get("wait") or ""
    # Python refuses to parse very long numbers; a cut one is still longer than the limit.
    return min(int(value[:LONGEST_READ]), LONGEST_S) if value.isascii() and value.isdigit() else 0
