"""Remember which blob versions were delivered, across restarts of the runner.

Separate because it is the runner's only state, and must never be half written.
"""

import json
import threading
from collections.abc import Set
from pathlib import Path


class DeliveredVersions:
    """A set of blob versions' keys in a file. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._keys: set[str] = set(json.loads(file.read_text())) if file.exists() else set()
        self._changed = False

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._keys

    def add(self, key: str) -> None:
        """Never deliver this version again."""
        with self._lock:
            self._keys.add(key)
            self._changed = True

    def keep_only(self, existing: Set[str]) -> None:
        """Drop versions that storage no longer has, so that the file does not grow without end."""
        with self._lock:
            kept = self._keys & existing
            self._changed = self._changed or len(kept) != len(self._keys)
            self._keys = kept

    def save(self) -> None:
        """Write what changed; a crash leaves the old file or the new one."""
        with self._lock:
            if not self._changed:
                return
            text = json.dumps(sorted(self._keys))
            self._changed = False
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(text)
        unfinished.replace(self._file)
