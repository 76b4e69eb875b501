"""A thread beside the jobs looks into its queue ever less often while that is empty, and leaves with its worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from service.errors import StorageUnavailable
from service.worker.queue_thread import STORAGE_AWAY_S, QueueThread
from service.worker.shutdown import Shutdown


class Waits(Shutdown):
    """Notes how long it would wait."""

    def __init__(self) -> None:
        super().__init__(grace_s=0)
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


@dataclass(kw_only=True)
class Letters(QueueThread[str]):
    """Handles letters; a blank is an empty queue, a dash storage that is away; ends after the last."""

    name: ClassVar[str] = "letters"
    idle_first_s: ClassVar[float] = 1.0
    idle_longest_s: ClassVar[float] = 3.0

    text: str
    handled: list[str] = field(default_factory=list)

    def receive(self) -> str | None:
        letter, self.text = self.text[0], self.text[1:]
        if not self.text:
            self.shutdown.ask()
        if letter == "-":
            raise StorageUnavailable("away")
        return letter.strip() or None

    def handle(self, item: str) -> None:
        self.handled.append(item)


@pytest.mark.parametrize(
    ("text", "waited"),
    [
        ("    ", [1.0, 1.5, 2.25, 3.0]),
        ("  a  ", [1.0, 1.5, 1.0, 1.5]),
        ("ab", []),
        (" - a", [1.0, STORAGE_AWAY_S, 1.5]),
    ],
)
def test_pauses_grow_while_the_queue_is_empty_and_begin_anew_after_an_item(text: str, waited: list[float]) -> None:
    shutdown = Waits()
    thread = Letters(shutdown=shutdown, text=text)
    thread.run()
    assert shutdown.waited == waited
    assert thread.handled == [letter for letter in text if letter.isalpha()]


def test_nothing_is_received_once_the_worker_leaves() -> None:
    shutdown = Waits()
    shutdown.ask()
    with Letters(shutdown=shutdown, text="a") as thread:
        assert thread.is_over
    assert thread.handled == []
