"""Hash files of this machine, and write them whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READABLE = 0o644


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path, *, create_only: bool = False, mode: int | None = READABLE) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes its place when the block ends without an error.

    Args:
        create_only: keep the file that is there.
        mode: of the new file; None for its owner alone, or as the block sets it.

    Raises:
        FileExistsError: with `create_only`, the file is there.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        if mode is not None:
            beside.chmod(mode)
        if create_only:
            os.link(beside, path)
        else:
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
