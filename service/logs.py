"""Log lines, one event each, and the trace they belong to.

Every line carries the values bound for the current work (`job_id`, `container`, `blob`, `trace_id` …), so that one
`grep` follows a media item from the upload's event to its CSV.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("service")

FIRST_KEYS = ("time", "level", "event", "job_id")

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def configure(log_format: Literal["auto", "json", "text"], level: str) -> None:
    """Send all log lines, also the libraries', to standard error."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(timestamp_key="time")]
        if as_text
        else [structlog.processors.format_exc_info, _in_order, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The SDK logs every request at INFO and its own retries at WARNING; the service's lines say what matters.
    logging.getLogger("azure").setLevel(logging.ERROR)


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Add values to every line logged inside the block, on this thread."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


@contextmanager
def bound_to_trace(traceparent: str, **values: object) -> Iterator[None]:
    """Add a W3C trace's id, and values, to every line logged inside the block, on this thread."""
    trace_id = traceparent.split("-")[1] if is_traceparent(traceparent) else None
    with bound(**values, trace_id=trace_id):
        yield


def is_traceparent(text: str) -> bool:
    """Return whether a text is a W3C `traceparent`."""
    return bool(_TRACEPARENT.fullmatch(text))


def continued_trace(traceparent: str | None) -> str:
    """Return the caller's W3C trace if it sent a valid one, else a new one (https://www.w3.org/TR/trace-context/)."""
    if traceparent and is_traceparent(traceparent):
        return traceparent
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def _in_order(logger: object, method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Put the keys of every line first, so that lines can be read one below the other."""
    return {key: fields[key] for key in FIRST_KEYS if key in fields} | dict(fields)
