"""Follow Azurite's access log: which blobs were written since the last look.

Separate because the lines' form is Azurite's, as the logs that Azure's own blob trigger reads are Azure's.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote

MOST_BYTES = 16 * 1024 * 1024

# Any successful write but that of a single block may have changed a blob's ETag; its properties tell.
# Queues and tables answer 204 where their paths look like a blob's.
_WRITE = re.compile(
    r'"PUT /[^/? ]+/(?P<container>[^/? ]+)/(?P<name>[^? ]+)(?:\?(?P<query>\S*))? HTTP/1\.\d" 20[012] ', re.ASCII
)
_STARTED = "Azurite Blob service is successfully listening"


@dataclass(frozen=True)
class BlobName:
    """Where a blob is in the account."""

    container: str
    name: str


@dataclass(frozen=True)
class News:
    """What the log says since the last look.

    Attributes:
        written: blobs that may have a new version.
        may_have_gaps: storage was started, or the log was cut: a write may be missing here.
    """

    written: frozenset[BlobName] = frozenset()
    may_have_gaps: bool = False


class AccessLog:
    """Reads from the log's present end on, and empties it when it is long; whatever writes must append."""

    def __init__(self, file: Path, most_bytes: int = MOST_BYTES) -> None:
        self._file = file
        self._most_bytes = most_bytes
        self._read_to = self._size()

    def take(self) -> News:
        """Read what is new; without news, the cost is that of one `stat`."""
        size = self._size()
        if size == self._read_to:
            return News()
        was_cut = size < self._read_to
        if was_cut:
            self._read_to = 0
        text = self._whole_lines()
        if is_long := self._read_to > self._most_bytes:
            os.truncate(self._file, 0)
            self._read_to = 0
        return News(written_blobs(text), was_cut or is_long or _STARTED in text)

    def _whole_lines(self) -> str:
        with self._file.open("rb") as log:
            log.seek(self._read_to)
            read = log.read()
        whole = read[: read.rfind(b"\n") + 1]
        self._read_to += len(whole)
        return whole.decode(errors="replace")

    def _size(self) -> int:
        return self._file.stat().st_size if self._file.exists() else 0


def written_blobs(text: str) -> frozenset[BlobName]:
    """Return the blobs of the lines that tell of a successful write."""
    return frozenset(
        BlobName(unquote(line["container"]), unquote(line["name"]))
        for line in _WRITE.finditer(text)
        if parse_qs(line["query"] or "").get("comp") != ["block"]
    )
