"""A decoder that is killed from outside, as by the out-of-memory killer, costs an attempt and not the upload."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.fixtures.media_made import clip
from tests.integration.worker.conftest import Bench


@contextmanager
def killing_decoders(bench: Bench, most: int, number: signal.Signals) -> Iterator[list[int]]:
    """Kill the first decoders of this bench's workers, this many of them."""
    killed: list[int] = []
    ended = threading.Event()

    def hunt() -> None:
        while not ended.is_set() and len(killed) < most:
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, ValueError):
                    folder = (process / "cwd").readlink()
                    is_ours = folder.is_relative_to(bench.account.settings.workspace) and folder.name == "probe"
                    pid = int(process.name)
                    # setpriv becomes the decoder: only the decoder itself holds its command line.
                    if is_ours and pid not in killed and b"decoders" in (process / "cmdline").read_bytes():
                        os.kill(pid, number)
                        killed.append(pid)
            time.sleep(0.005)

    thread = threading.Thread(target=hunt)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.worker.retry_policy.FIRST_DELAY_S", 0.5)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_good_upload_outlives_its_killed_decoder(bench: Bench, number: signal.Signals) -> None:
    job = bench.submit("clip.mp4", clip(frames=10), media="video")
    with killing_decoders(bench, 1, number) as killed, bench.worker():
        record = bench.finished(job)
    assert len(killed) == 1
    assert (record.state, record.attempts) == ("succeeded", 2)


def test_media_is_blamed_when_its_decoder_dies_at_every_attempt(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=10), media="video")
    with killing_decoders(bench, 2, signal.SIGKILL) as killed, bench.worker(max_attempts=2):
        record = bench.finished(job)
        bench.settled()
    assert len(killed) == 2
    assert (record.state, record.error_code, record.attempts) == ("failed", "unreadable_media", 2)
    assert "killed" in record.error_message
