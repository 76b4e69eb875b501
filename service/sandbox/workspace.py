"""Room on disk for the media in hand: one folder a worker, one inside it an item, gone when the item is done."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import EngineError, UnreadableMedia, WorkspaceFull
from service.settings import BadSettings

LOCK = "lock"

ROOM_BYTES = 32 << 20
"""Less free space than this is no room for another item…"""
FULL_BYTES = 1 << 20
"""…and less than this is a full disk: whatever a child made of its media then, it says nothing about the media."""


class Workspace:
    """A folder under `root` that is this process's own; folders of processes that died are removed at the start.

    Each is locked for as long as its process lives, so a dead one is known by its lock, in any container.

    Raises:
        BadSettings: the root cannot be made or written to.
    """

    def __init__(self, root: Path) -> None:
        try:
            self._open(root)
        except OSError as error:
            raise BadSettings(f"WORKSPACE: {root} cannot be used: {error.strerror or error}") from error

    def _open(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _gate(root):
            _remove_dead(root)
            self.path = Path(tempfile.mkdtemp(dir=root, prefix="worker-"))
            self._lock = (self.path / LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def has_room(self) -> bool:
        """Whether to begin another item; what dead processes have left is removed first, if it is in the way."""
        if self._free_bytes() < ROOM_BYTES:
            with _gate(self.path.parent):
                _remove_dead(self.path.parent)
        return self._free_bytes() >= ROOM_BYTES

    @contextmanager
    def room(self) -> Iterator[Path]:
        """An empty folder for one item, removed with all it holds at the end.

        Raises:
            WorkspaceFull: in place of an error that comes from, or may come from, a full disk.
        """
        path: Path | None = None
        try:
            path = Path(tempfile.mkdtemp(dir=self.path, prefix="item-"))
            yield path
        except (OSError, EngineError, UnreadableMedia) as error:
            if WorkspaceFull.is_meant_by(error) or self._free_bytes() < FULL_BYTES:
                raise WorkspaceFull() from error
            raise
        finally:
            if path:
                shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self.path).free


@contextmanager
def _gate(root: Path) -> Iterator[None]:
    """One process at a time, so that a folder that is just being made is not taken for a dead one."""
    with (root / LOCK).open("a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


def _remove_dead(root: Path) -> None:
    for folder in root.glob("worker-*"):
        try:
            with (folder / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # held by a living process
