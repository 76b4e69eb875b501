"""A thread that receives from a queue beside the jobs of a worker, until the worker leaves."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar, Generic, Self, TypeVar

from service.errors import StorageUnavailable
from service.logs import log
from service.worker.shutdown import Shutdown

STORAGE_AWAY_S = 5.0
IDLE_GROWTH = 1.5

Item = TypeVar("Item")


@dataclass(kw_only=True)
class QueueThread(ABC, Generic[Item]):
    """Receives items one at a time and handles each; use it as a context manager.

    Attributes:
        name: of the thread, and first part of its log lines' names.
        idle_first_s, idle_longest_s: pauses between looks into an empty queue, which grow.
    """

    name: ClassVar[str]
    idle_first_s: ClassVar[float]
    idle_longest_s: ClassVar[float]

    shutdown: Shutdown
    _left: bool = False
    _thread: threading.Thread | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.run, name=self.name)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = True
        if self._thread:
            self._thread.join()

    @abstractmethod
    def receive(self) -> Item | None:
        """Take the next item, hidden from other workers; None where there is none. Raises StorageUnavailable."""

    @abstractmethod
    def handle(self, item: Item) -> None:
        """Do what the item asks for. Raises nothing."""

    @property
    def is_over(self) -> bool:
        """Whether the worker leaves."""
        return self.shutdown.asked or self._left

    def run(self) -> None:
        """Receive items until the end."""
        idle_s = self.idle_first_s
        while not self.is_over:
            try:
                item = self.receive()
            except StorageUnavailable as error:
                log.warning(f"{self.name}.storage_away", error=error.message)
                self.shutdown.wait(STORAGE_AWAY_S)
                continue
            if item is None:
                self.shutdown.wait(idle_s)
                idle_s = min(idle_s * IDLE_GROWTH, self.idle_longest_s)
                continue
            idle_s = self.idle_first_s
            self.handle(item)
