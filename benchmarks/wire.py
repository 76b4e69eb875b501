"""Which storage operations were asked for, read from the emulator's own access log.

Separate because this is the definition of what is counted: a request on the wire, named as Azure's documentation names
the operation (retries, refusals and looks into an empty queue are requests, too).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from infra.local.azurite import ACCOUNT
from infra.local.part import Part
from service.settings import Settings

_LINE = re.compile(rb'"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/1\.\d" \d{3} ')
_SETTLED_S = 0.1

QUEUE = str(Settings.model_fields["queue_name"].default)
TABLE = str(Settings.model_fields["table_name"].default)

BLOB_WRITES = ("put blob", "put block", "put block list", "list blobs")
"""What storage accounts are charged for as writes of blobs; everything else costs a tenth of it or less."""

_ENTITIES = {"POST": "insert entity", "PUT": "update entity", "PATCH": "merge entity", "DELETE": "delete entity"}
_MESSAGES = {"GET": "get messages", "POST": "put message", "PUT": "update message", "DELETE": "delete message"}
_BLOBS = {"GET": "get blob", "PUT": "put blob", "HEAD": "get blob properties", "DELETE": "delete blob"}
_PARTS = {"block": "block", "blocklist": "block list", "metadata": "metadata", "tags": "tags"}


class AccessLog:
    """The requests that storage was sent since the last look."""

    def __init__(self, azurite: Part) -> None:
        self._file = azurite.log_file
        self._read_to = 0
        self.take()

    def take(self) -> Counter[str]:
        """Operations since the last look, by name."""
        # A request is logged when it has been answered, a moment after its caller knows.
        time.sleep(_SETTLED_S)
        with self._file.open("rb") as log:
            log.seek(self._read_to)
            read = log.read()
        whole = read[: read.rfind(b"\n") + 1]
        self._read_to += len(whole)
        return Counter(operation(m["method"].decode(), m["target"].decode()) for m in _LINE.finditer(whole))


def operation(method: str, target: str) -> str:
    """What a request asks for.

    Args:
        target: path and query, as in `/devstoreaccount1/analysis-jobs/messages?numofmessages=1`.
    """
    url = urlsplit(target)
    first, *rest = url.path.removeprefix(f"/{ACCOUNT}").lstrip("/").split("/")
    query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
    if first.split("(")[0] in (TABLE, "Tables", "$batch"):
        return _on_tables(method, first)
    if first in (QUEUE, f"{QUEUE}-poison"):
        return _on_queues(method, rest, query)
    return _on_blobs(method, query)


def _on_tables(method: str, first: str) -> str:
    if first == "$batch":
        return "entity batch"
    if first.startswith("Tables"):
        return "tables"
    if method == "GET":
        return "get entity" if "RowKey=" in first else "query entities"
    return _ENTITIES.get(method, f"{method.lower()} entity")


def _on_queues(method: str, rest: list[str], query: dict[str, str]) -> str:
    if not rest:
        return "queue properties"
    if query.get("peekonly") == "true":
        return "peek messages"
    return _MESSAGES.get(method, f"{method.lower()} messages")


def _on_blobs(method: str, query: dict[str, str]) -> str:
    if query.get("comp") == "list":
        return "list blobs"
    if query.get("restype") == "container":
        return "container"
    if part := _PARTS.get(query.get("comp", "")):
        return f"{method.lower()} {part}"
    return _BLOBS.get(method, f"{method.lower()} blob")
