"""Write log lines as one JSON object each, on stderr.

Separate because the stack's tests read the runner's lines as much as people do.
"""

import json
import logging
import sys
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """The record's message as `event`, its `fields` beside it; a message that is JSON already is unfolded."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without a line break in it."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"time": at, "level": record.levelname, "logger": record.name}
        line |= _unfolded(record.getMessage()) | getattr(record, "fields", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_json_to_stderr() -> None:
    """Send every logger's lines there, as the Functions host does: a function app must silence its libraries itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _unfolded(message: str) -> dict[str, object]:
    if message.startswith("{"):
        try:
            value = json.loads(message)
        except ValueError:
            return {"event": message}
        if isinstance(value, dict):
            return value
    return {"event": message}
