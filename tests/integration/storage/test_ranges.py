"""A large blob is fetched in several ranges at a time."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest

from service.errors import Cancelled
from service.storage.account import PIECE_BYTES
from service.storage.azure_blobs import RANGES_AT_ONCE
from tests.conftest import StorageAccount

PIECES = 10
SIZE = PIECES * PIECE_BYTES - 1000
WHILE_OTHERS_COME_S = 1.0


@pytest.fixture
def large(account: StorageAccount, tmp_path: Path) -> tuple[str, Path]:
    """A blob's ETag, and its content."""
    content = tmp_path / "content"
    content.write_bytes(random.Random(1).randbytes(SIZE))
    return account.put("large.mp4", content), content


def test_ranges_are_fetched_at_a_time_and_stand_in_their_order(
    account: StorageAccount, large: tuple[str, Path], tmp_path: Path
) -> None:
    reported: list[int] = []
    connections: set[int] = set()

    def on_bytes(done: int, total: int) -> None:
        assert total == SIZE
        reported.append(done)
        connections.add(threading.get_ident())
        if len(reported) == 2:
            # The others come meanwhile.
            time.sleep(WHILE_OTHERS_COME_S)

    etag, content = large
    account.services.blobs.download(account.container, "large.mp4", etag, tmp_path / "got", on_bytes)
    assert (tmp_path / "got").read_bytes() == content.read_bytes()
    assert reported == sorted(reported)
    assert reported[0] == PIECE_BYTES
    assert reported[-1] == SIZE
    # The first piece comes with the blob's facts.
    assert len(connections) == 1 + RANGES_AT_ONCE


def test_a_stop_ends_the_ranges_that_have_not_begun(
    account: StorageAccount, large: tuple[str, Path], tmp_path: Path
) -> None:
    reported: list[int] = []

    def on_bytes(done: int, total: int) -> None:
        reported.append(done)
        if len(reported) > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        account.services.blobs.download(account.container, "large.mp4", large[0], tmp_path / "got", on_bytes)
    assert len(reported) <= 2 + 2 * RANGES_AT_ONCE < PIECES + 1
