"""Remember which blob versions were delivered, across restarts of the runner.

Separate because it is the runner's only state, and must never be half written.
"""

import json
import threading
from collections.abc import Iterator, Set
from pathlib import Path


class DeliveredVersions:
    """A set of blob versions' keys in a file, a line of JSON for each. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._keys = set(_read(file)) if file.exists() else set()
        self._unsaved: list[str] = []
        # A line that a crash has torn must not be appended to.
        self._must_rewrite = True

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._keys

    def add(self, key: str) -> None:
        """Never deliver this version again."""
        with self._lock:
            self._keys.add(key)
            self._unsaved.append(key)

    def keep_only(self, existing: Set[str]) -> None:
        """Drop versions that storage no longer has, so that the file does not grow without end."""
        with self._lock:
            kept = self._keys & existing
            self._must_rewrite = self._must_rewrite or len(kept) != len(self._keys)
            self._keys = kept

    def save(self) -> None:
        """Append what was added; rewrite the file where something was dropped. A crash costs at most the last lines."""
        with self._lock:
            rewrites, self._must_rewrite = self._must_rewrite, False
            lines = _lines(sorted(self._keys) if rewrites else self._unsaved)
            self._unsaved = []
        if rewrites:
            self._rewrite(lines)
        elif lines:
            with self._file.open("a") as file:
                file.write(lines)

    def _rewrite(self, lines: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(lines)
        unfinished.replace(self._file)


def _lines(keys: list[str]) -> str:
    return "".join(json.dumps(key) + "\n" for key in keys)


def _read(file: Path) -> Iterator[str]:
    for line in file.read_text().splitlines():
        try:
            read = json.loads(line)
        except ValueError:
            # Torn by a crash: at worst that version is delivered again.
            continue
        # Former releases wrote one list of all.
        yield from read if isinstance(read, list) else [read]
