"""What the sandbox's check attempts: without a sandbox each attempt gets what it asks for."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

from service.cli.doctor_checks.sandbox import KEPT_FROM
from service.sandbox.attempts import attempt


def test_an_unconfined_process_gets_what_it_attempts(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        got = attempt(os.getpid(), str(tmp_path / "secret"), str(tmp_path / "planted"), listening.getsockname()[1])
    assert (got["read"], got["connect"], got["signal"]) == ("hush", "connected", "sent")
    # Not that of an interpreter which its user may run and not read.
    assert got["memory"] == ("opened" if os.access(f"/proc/{os.getpid()}/mem", os.R_OK) else "")
    assert (tmp_path / "planted").read_text() == "written"
    assert got["root"] == ("" if os.geteuid() else "0")


def test_what_is_refused_is_an_empty_text_and_every_attempt_has_a_name(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        free = listening.getsockname()[1]
    got = attempt(os.getpid(), str(tmp_path / "none"), str(tmp_path / "no" / "folder"), free)
    assert (got["read"], got["write"], got["connect"]) == ("", "", "")
    assert set(got) == set(KEPT_FROM)
