"""Disk space for media in work: one folder per worker, in it one per item, removed when the item is done."""

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
"""Least free space to begin another item."""
FULL_BYTES = 1 << 20
"""Free space below which the disk is full: an error of a child then says nothing about its media."""


class Workspace:
    """This process's folder under `root`; folders of processes that died are removed at the start.

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
        """Tell whether there is space for another item; where there is none, dead processes are cleaned up."""
        if self.free_bytes < ROOM_BYTES:
            with _gate(self.path.parent):
                _remove_dead(self.path.parent)
        return self.free_bytes >= ROOM_BYTES

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Make an empty folder for one item, and remove it with its content at the end.

        Raises:
            WorkspaceFull: in place of an error that comes from, or may come from, a full disk.
        """
        path: Path | None = None
        try:
            path = Path(tempfile.mkdtemp(dir=self.path, prefix="item-"))
            yield path
        except (OSError, EngineError, UnreadableMedia) as error:
            if WorkspaceFull.is_meant_by(error) or self.free_bytes < FULL_BYTES:
                raise WorkspaceFull() from error
            raise
        finally:
            if path:
                shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()

    @property
    def free_bytes(self) -> int:
        """Free space of its disk."""
        return shutil.disk_usage(self.path).free


@contextmanager
def _gate(root: Path) -> Iterator[None]:
    """Let one process in at a time, so that a folder that is just being made is not taken for a dead one."""
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
