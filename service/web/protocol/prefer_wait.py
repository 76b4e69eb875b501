"""`Prefer: wait=N` (RFC 7240): hold the answer for a while, since many jobs take only seconds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from flask import Response, request
from werkzeug.http import parse_dict_header

from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord

LONGEST_S = 25
LONGEST_READ = 1000
LOOK_EVERY_S = 0.4


def waited(table: JobTable, records: list[JobRecord]) -> tuple[list[JobRecord], int]:
    """The records, looked at again until they are finished or the time that the caller gives is over.

    Returns them and the seconds that were granted; 0 where none were asked for.
    """
    seconds = _asked_s(request.headers.get("Prefer", ""))
    until = time.monotonic() + seconds
    while time.monotonic() < until and not all(record.is_finished for record in records):
        time.sleep(LOOK_EVERY_S)
        with ThreadPoolExecutor(8) as pool:
            records = list(pool.map(lambda one: one if one.is_finished else table.get(one.job.job_id), records))
    return records, seconds


def applied(response: Response, seconds: int) -> Response:
    """Say which preference was honoured."""
    if seconds:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


def _asked_s(header: str) -> int:
    """A preference that cannot be read is passed over, as the RFC asks."""
    value = parse_dict_header(header.lower()).get("wait") or ""
    # Python reads no number of thousands of digits; whatever has more than a few is longer than we wait.
    return min(int(value[:LONGEST_READ]), LONGEST_S) if value.isascii() and value.isdigit() else 0
