"""Room on disk: what dead processes left is removed, and a full disk is told as that and as nothing else."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.errors import MalformedOutput, UnreadableMedia, WorkspaceFull
from service.sandbox import workspace as rooms
from service.sandbox.child_once import EXIT_DISK_FULL
from service.sandbox.workspace import LOCK, Workspace
from tests.conftest import ASTRONAUT

FULL = Path("/dev/full")
needs_full_device = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with closing(Workspace(tmp_path)) as opened:
        yield opened


def _dead(root: Path) -> Path:
    folder = root / "worker-dead"
    (folder / "item-1").mkdir(parents=True)
    (folder / "item-1" / "fetched").write_bytes(b"media")
    (folder / LOCK).touch()
    return folder


def test_folders_of_the_dead_go_at_the_start_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead = _dead(tmp_path)
    with closing(Workspace(tmp_path)) as one, closing(Workspace(tmp_path)) as other:
        assert not dead.exists()
        assert one.path.exists()
        assert other.path.exists()
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_little_room_takes_the_dead_away_while_running(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = _dead(tmp_path)
    assert workspace.has_room()
    assert dead.exists()
    monkeypatch.setattr(rooms, "ROOM_BYTES", 1 << 62)
    assert not workspace.has_room()
    assert not dead.exists()
    assert workspace.path.exists()


def test_little_room_leaves_the_living_alone(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    living = _dead(tmp_path)
    monkeypatch.setattr(rooms, "ROOM_BYTES", 1 << 62)
    with (living / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not workspace.has_room()
    assert (living / "item-1" / "fetched").exists()


@needs_full_device
def test_a_full_disk_is_told_as_that(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceFull), workspace.room():
        FULL.write_bytes(b"x")
    assert list(workspace.path.glob("item-*")) == []


@pytest.mark.parametrize("error", [UnreadableMedia(), MalformedOutput()])
def test_on_a_full_disk_media_and_engine_are_not_to_blame(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with pytest.raises(type(error)), workspace.room():
        raise error
    monkeypatch.setattr(rooms, "FULL_BYTES", 1 << 62)
    with pytest.raises(WorkspaceFull), workspace.room():
        raise error


@needs_full_device
def test_a_decoder_without_room_says_so_by_its_exit_code() -> None:
    request = json.dumps({"do": "probe", "media": "image", "path": str(ASTRONAUT), "max_pixels": 10**8})
    command = [sys.executable, "-m", "service.sandbox.decoders", request, str(FULL)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == EXIT_DISK_FULL
