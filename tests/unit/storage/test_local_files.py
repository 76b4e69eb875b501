"""Files written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from service.storage.local_files import READABLE, replacing, sha256_of


def test_a_hash_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_003)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"x" * 1_000_003).hexdigest()


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        assert (path.read_text(), beside.parent) == ("old", tmp_path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.csv", "new")]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(KeyError), replacing(path) as beside:
        beside.write_text("half")
        raise KeyError
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.csv", "old")]


def test_create_only_keeps_what_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(FileExistsError), replacing(path, create_only=True) as beside:
        beside.write_text("mine")
        path.write_text("another's")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.csv", "another's")]
    with replacing(tmp_path / "b.csv", create_only=True) as beside:
        beside.write_text("mine")
    assert (tmp_path / "b.csv").read_text() == "mine"


@pytest.mark.parametrize(("given", "mode"), [({}, READABLE), ({"mode": 0o600}, 0o600), ({"mode": None}, 0o600)])
def test_a_new_file_has_the_mode_that_was_asked_for(tmp_path: Path, given: dict[str, int | None], mode: int) -> None:
    before = os.umask(0o077)
    try:
        with replacing(tmp_path / "a", **given) as beside:  # type: ignore[arg-type]
            beside.write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
