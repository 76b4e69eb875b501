"""`key new`, `list` and `revoke`, beside a server that runs."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.local.azurite import ACCOUNT_KEY
from infra.local.stack import REPOSITORY
from service.web.access.keys import new_key
from tests.integration.web.conftest import Served, service_command

pytestmark = pytest.mark.xdist_group("served")

STORAGE = f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey={ACCOUNT_KEY};BlobEndpoint=http://127.0.0.1:1/x;"
STORAGE += "QueueEndpoint=http://127.0.0.1:1/x;TableEndpoint=http://127.0.0.1:1/x;"


def test_a_key_is_made_used_listed_and_revoked(served: Served) -> None:
    file = str(served.keys_file)
    made = service_command("key", "new", "--name", "reader", "--scope", "read", "--file", file)
    assert made.exit_code == 0
    text = made.stdout.strip()
    assert re.fullmatch(r"fl_[A-Za-z0-9_-]{43}", text)
    assert text not in made.stderr + served.keys_file.read_text()
    assert stat.S_IMODE(served.keys_file.stat().st_mode) == 0o600
    # Each of the processes takes it up by itself, and so takes it away.
    assert {served.ask("/jobs", key=text).status for _ in range(8)} == {200}
    assert served.ask("/analyse/image/wild/abc", key=text).status == 403
    assert service_command("key", "list", "--file", file).stdout == "admin\tadmin\nreader\tread\n"
    assert service_command("key", "revoke", "reader", "--file", file).exit_code == 0
    assert {served.ask("/jobs", key=text).status for _ in range(8)} == {401}
    assert served.ask("/jobs").status == 200
    assert text not in served.log
    [refused] = [line for line in served.log_lines("request.refused") if line.get("key") == "reader"]
    assert refused["reason"] == "scope analyse missing"


def test_an_invalid_keys_file_is_logged_and_changes_nothing(served: Served) -> None:
    good = served.keys_file.read_text()
    text, key = new_key("late", ["read"])
    try:
        served.keys_file.write_text(f"{good}{key.entry}\nfl_hush-by-mistake\n")
        for _ in range(8):
            assert served.ask("/jobs").status == 200
            assert served.ask("/jobs", key=text).status == 401
        told = served.log_lines("keys.file_refused")
    finally:
        served.keys_file.write_text(good)
    # Once by each process, however many requests there were.
    assert 1 <= len(told) <= 2
    assert "line 3: an entry is" in told[0]["error"]
    assert told[0]["kept"] == ["admin"]
    assert "hush" not in served.log


def test_without_a_file_the_entry_is_for_the_settings() -> None:
    made = service_command("key", "new", "--name", "site-1")
    text, entry = made.stdout.strip(), made.stderr.strip()
    assert entry.startswith("site-1:analyse+read:")
    listed = service_command("key", "list", "--json", API_KEYS=entry)
    assert json.loads(listed.stdout) == {"name": "site-1", "scopes": ["analyse", "read"]}
    assert text not in entry
    as_json = json.loads(service_command("key", "new", "--name", "x", "--scope", "admin", "--json").stdout)
    assert set(as_json) == {"name", "scopes", "key", "entry"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["new", "--name", "a b"], "a key's name has"),
        (["new", "--name", "-x"], "a key's name has"),
        (["new", "--name", "x", "--scope", "root"], "root"),
        (["new"], "--name"),
        (["new", "--name", "x", "--file", "/no/such/folder/keys"], "/no/such/folder"),
        (["revoke", "x"], "--file"),
        (["revoke", "x", "--file", "{tmp}/none"], "no key 'x'"),
        (["list", "--file", "{tmp}/none"], "cannot be read"),
        (["new", "--name", "x", "--file", "{tmp}/spoilt"], "line 1: an entry is"),
    ],
)
def test_mistakes_are_reported(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "spoilt").write_text("fl_hush\n")
    done = service_command("key", *[argument.replace("{tmp}", str(tmp_path)) for argument in arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr
    assert "hush" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["spoilt"]


@pytest.mark.parametrize("content", [None, "nonsense\n"])
def test_the_server_does_not_start_with_an_invalid_keys_file(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "keys"
    if content:
        file.write_text(content)
    began = time.monotonic()
    environ = {"API_KEYS_FILE": str(file), "AZURE_STORAGE_CONNECTION_STRING": STORAGE, "HOST": "0.0.0.0"}
    done = subprocess.run(
        [sys.executable, "-m", "service", "web"],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, time.monotonic() - began < 30) == (2, True)
    assert "API_KEYS_FILE" in done.stderr
