"""Write a file and know its size and hash."""

from __future__ import annotations

import hashlib
from typing import IO


class HashedFile:
    """A file that keeps the size and hash of the bytes written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._digest.update(piece)
        self.bytes += len(piece)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
