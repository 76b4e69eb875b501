"""Keys files changed by `key`: one entry a key, comments kept, whole or not at all, mode and links as they were."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from service.cli.key import add
from service.web.access.keys import BadKeys, new_key, parse_lines
from tests.integration.cli.conftest import CommandLine

run = CommandLine({})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a comment and two keys."""
    path = tmp_path / "keys"
    path.write_text("# of the lab\n")
    for name in ("anna", "ben"):
        add(path, new_key(name, ["read"])[1])
    return path


def names(file: Path) -> list[str]:
    return [key.name for key in parse_lines(file.read_text().splitlines())]


def test_a_new_key_is_printed_once_and_its_hash_is_stored(file: Path) -> None:
    done = run("key", "new", "--name", "carl", "--scope", "analyse", "--scope", "read", "--file", str(file))
    text = done.stdout.strip()
    assert done.exit_code == 0 and text.startswith("fl_")
    assert (names(file), text in file.read_text()) == (["anna", "ben", "carl"], False)
    assert file.read_text().startswith("# of the lab\n")


def test_without_a_file_the_entry_is_told_apart_from_the_key() -> None:
    done = run("key", "new", "--name", "carl")
    assert done.stdout.startswith("fl_") and ":" not in done.stdout
    assert done.stderr.startswith("carl:analyse+read:")
    [told] = run.json("key", "new", "--name", "carl", "--scope", "admin")
    assert (told["name"], told["scopes"]) == ("carl", ["admin"])
    assert told["entry"].startswith("carl:admin:") and told["key"] not in told["entry"]


def test_a_name_that_is_taken_keeps_its_key(file: Path) -> None:
    before = file.read_bytes()
    done = run("key", "new", "--name", "ben", "--file", str(file))
    assert done.exit_code != 0 and "has a key 'ben' already" in done.stderr
    # The key that no file has is not shown.
    assert (file.read_bytes(), "fl_" in done.output) == (before, False)


def test_a_revoked_key_is_gone_and_the_rest_stays(file: Path) -> None:
    assert run("key", "revoke", "anna", "--file", str(file)).exit_code == 0
    assert names(file) == ["ben"]
    assert file.read_text().startswith("# of the lab\n")
    done = run("key", "revoke", "anna", "--file", str(file))
    assert done.exit_code != 0 and "has no key 'anna'" in done.stderr


def test_keys_are_listed_without_their_hashes(file: Path) -> None:
    assert run("key", "list", "--file", str(file)).stdout == "anna\tread\nben\tread\n"
    assert [json.loads(line) for line in run("key", "list", "--file", str(file), "--json").stdout.splitlines()] == [
        {"name": "anna", "scopes": ["read"]},
        {"name": "ben", "scopes": ["read"]},
    ]


def test_a_file_with_a_line_that_is_no_entry_is_left_alone(file: Path) -> None:
    file.write_text(f"{file.read_text()}mak_entered-by-mistake\n")
    before = file.read_bytes()
    with pytest.raises(BadKeys) as refused:
        add(file, new_key("carl", ["read"])[1])
    assert (file.read_bytes(), "by-mistake" in str(refused.value)) == (before, False)


def test_mode_and_link_stay_as_they_were(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(file)
    add(link, new_key("carl", ["read"])[1])
    assert link.is_symlink()
    assert (names(file), stat.S_IMODE(file.stat().st_mode)) == (["anna", "ben", "carl"], 0o640)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    add(tmp_path / "new", new_key("carl", ["read"])[1])
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_a_folder_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadKeys, match="keys"):
        add(tmp_path / "none" / "keys", new_key("carl", ["read"])[1])
