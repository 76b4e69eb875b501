"""Hostile media, one of each kind, through the real command; `make fuzz` runs them all."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from infra.local.loopback import HOST
from tests.campaigns.hostile.canaries import Canaries
from tests.campaigns.hostile.corpus import kinds
from tests.campaigns.hostile.system_calls import can_trace, traced, trespasses
from tests.campaigns.hostile.walk import Sandbox, how_checked, known_codes
from tests.campaigns.hostile.whole_media import video
from tests.fixtures.media_made import FAKES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="canaries need inotify")

needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not here, or may not trace")

SEED = 1
OF_EACH = 1


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Canaries]:
    with Canaries(tmp_path / "canaries") as watched:
        yield watched


def test_hostile_media_end_in_known_states_and_touch_nothing(tmp_path: Path, canaries: Canaries) -> None:
    sandbox = Sandbox(tmp_path, canaries, traces=can_trace())
    count = sandbox.make_corpus(SEED, OF_EACH)
    files = sorted(path for path in sandbox.media.rglob("*") if path.is_file())
    assert len(files) == count >= 20
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(sandbox.walk_files, ("even", "odd"), (files[::2], files[1::2])))
    codes = halves[0].codes + halves[1].codes
    print(how_checked(sandbox.traces), codes, [f"{half.peak_memory_bytes >> 20} MiB" for half in halves])
    assert [fault for half in halves for fault in half.faults] == []
    assert codes.total() == count
    assert set(codes) <= known_codes() | {"analysed"}
    # It was about something: some were refused for each reason, some were all right.
    assert {"analysed", "media_too_large", "unreadable_media", "unsupported_media"} <= set(codes)


@pytest.mark.parametrize("traces", [False, pytest.param(True, marks=needs_strace)])
def test_an_engine_that_follows_names_is_found_out(
    tmp_path: Path, canaries: Canaries, monkeypatch: pytest.MonkeyPatch, traces: bool
) -> None:
    """What the other tests believe: that nothing is seen is worth something only if it would be seen."""
    monkeypatch.setenv("OPENFACE_BIN_DIR", str(FAKES / "follows_names"))
    monkeypatch.setenv("SANDBOX", "off")
    sandbox = Sandbox(tmp_path, canaries, traces)
    media = sandbox.media / "clip.mp4"
    media.parent.mkdir()
    media.write_bytes(video("mp4") + b"\0\0\0\0free" + f"follow {canaries.file} {canaries.port}\n".encode())
    faults = "\n".join(sandbox.walk_files("followed", [media]).faults)
    found = ["canary file canary.ts was opened", "canary file owned was changed", "canary port was connected to"]
    if traces:
        found += ["read outside", "written outside", "socket", "tried"]
    assert [words for words in found if words not in faults] == []


def test_the_same_seed_makes_the_same_media() -> None:
    first, again, other = (
        [list(kinds("/c", 1)[name](Random(seed))) for name in ("picture bit flips", "playlists", "video truncations")]
        for seed in ("1", "1", "2")
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("how", ["read", "written", "made", "removed", "called", "sent"])
def test_canaries_notice(canaries: Canaries, how: str) -> None:
    assert canaries.touched() == []
    if how == "read":
        canaries.file.read_bytes()
    elif how == "written":
        with canaries.file.open("ab") as file:
            file.write(b"x")
    elif how == "made":
        (canaries.folder / "new").touch()
    elif how == "removed":
        canaries.file.unlink()
    elif how == "called":
        socket.create_connection((HOST, canaries.port)).close()
    else:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", (HOST, canaries.port))
    assert canaries.touched()


@needs_strace
@pytest.mark.parametrize(
    ("deed", "word"),
    [
        ("open('own/a', 'w').close(); open('own/a').close(); open('/dev/null', 'w')", ""),
        ("open('secret').close()", "read outside"),
        ("open('nothing')", "read outside"),
        ("open('/etc/passwd').close()", "read outside"),
        ("open('/proc/self/environ').close()", "read outside"),
        ("open('own/../secret').close()", "read outside"),
        ("open('new', 'w').close()", "written outside"),
        ("os.remove('secret')", "written outside"),
        ("os.rename('secret', 'own/secret')", "written outside"),
        ("os.mkdir('folder')", "written outside"),
        ("os.symlink('secret', 'own/link'); open('own/link').close()", "written outside"),
        ("socket.socket().close()", "socket"),
        ("subprocess.run(['cat', 'secret'])", "read outside"),
    ],
)
def test_traces_tell(tmp_path: Path, deed: str, word: str) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "secret").write_text("x")
    code = f"import os, socket, subprocess\ntry:\n    {deed}\nexcept OSError:\n    pass\n"
    log = tmp_path / "own" / "trace"
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run(traced([sys.executable, "-I", "-c", code], log), cwd=tmp_path, check=True, env=environ)
    found = trespasses(log, [tmp_path / "own"], [], start="no such line")
    assert {line.split(":")[0] for line in found} == ({word} if word else set())
