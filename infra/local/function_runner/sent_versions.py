"""Remembers which blob versions were delivered, across restarts of the runner.

Separate because it is the runner's only state, and must never be half written.
"""

import json
import threading
from collections.abc import Set
from pathlib import Path


class SentVersions:
    """A set of blob versions in a file. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._versions: set[str] = set(json.loads(file.read_text())) if file.exists() else set()
        self._changed = False

    def __contains__(self, version: str) -> bool:
        with self._lock:
            return version in self._versions

    def add(self, version: str) -> None:
        """Never offer this version again."""
        with self._lock:
            self._versions.add(version)
            self._changed = True

    def forget_all_but(self, existing: Set[str]) -> None:
        """Drop versions that storage no longer has, so that the file does not grow for ever."""
        with self._lock:
            kept = self._versions & existing
            self._changed = self._changed or len(kept) != len(self._versions)
            self._versions = kept

    def save(self) -> None:
        """Write what changed; a crash leaves the old file or the new one."""
        with self._lock:
            if not self._changed:
                return
            text = json.dumps(sorted(self._versions))
            self._changed = False
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(text)
        unfinished.replace(self._file)
