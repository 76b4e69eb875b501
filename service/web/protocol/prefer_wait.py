"""`Prefer: wait=N` (RFC 7240): hold the response, since many jobs take only seconds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from flask import Response, request
from werkzeug.http import parse_dict_header

from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord

LONGEST_S = 25
LONGEST_READ = 1000
POLL_S = 0.4


def waited(table: JobTable, records: list[JobRecord]) -> tuple[list[JobRecord], int]:
    """Read the records again until they are finished or the caller's time is over.

    Returns the records and the seconds that were granted; 0 where the request has no preference.
    """
    seconds = _preferred_wait_s(request.headers.get("Prefer", ""))
    until = time.monotonic() + seconds
    while time.monotonic() < until and not all(record.is_finished for record in records):
        time.sleep(POLL_S)
        with ThreadPoolExecutor(8) as pool:
            records = list(pool.map(lambda one: one if one.is_finished else table.get(one.job.job_id), records))
    return records, seconds


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
