"""Write one structured line for each decision that the function app takes.

Separate so that every line has the same shape, and a search for a job, a blob or a trace finds all of them.
"""

import json
import logging

from tracing import trace_id_of

_log = logging.getLogger("cloud_function")


def log_decision(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Write `event` and `fields` as one JSON object; fields that are None are left out."""
    line = {"event": event} | {name: value for name, value in fields.items() if value is not None}
    _log.log(level, "%s", json.dumps(line, ensure_ascii=True, default=str))


def log_ignored(reason: str, container: str, blob: str, traceparent: str) -> None:
    """Write that a function has nothing to do for its event, and why."""
    log_decision("ignored", reason=reason, container=container, blob=blob, trace_id=trace_id_of(traceparent))


def silence_request_lines() -> None:
    """Keep the Azure clients' lines about each request and its headers out of the log; warnings stay.

    They were more than four fifths of the app's log, which is paid for by its size.
    """
    logging.getLogger("azure").setLevel(logging.WARNING)
