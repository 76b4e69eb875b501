"""What the run did to the uploads: the truth that storage is held against at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from tests.campaigns.chaos.load import Medium

Place = tuple[str, str]
"""Container and blob."""


@dataclass(frozen=True)
class Version:
    """One upload, or one overwriting of it."""

    container: str
    blob: str
    etag: str
    medium: Medium

    @property
    def place(self) -> Place:
        return self.container, self.blob

    @property
    def key(self) -> tuple[str, str, str]:
        return self.container, self.blob, self.etag


class Ledger:
    """Every version there ever was, and what was deleted.

    Attributes:
        unsure: uploads whose answer was lost once, so that storage may have had a version that is not known here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions: dict[Place, list[Version]] = {}
        self.deleted: set[Place] = set()
        self.unsure: set[Place] = set()

    def note(self, version: Version) -> None:
        with self._lock:
            self._versions.setdefault(version.place, []).append(version)

    def knows(self, place: Place) -> bool:
        return place in self._versions

    def versions(self) -> Iterator[Version]:
        for versions in self._versions.values():
            yield from versions

    def is_live(self, version: Version) -> bool:
        """Whether it was neither replaced nor deleted."""
        return version.place not in self.deleted and self._versions[version.place][-1] is version
