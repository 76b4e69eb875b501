"""One write for what several threads want written: while one is under way, the items for the next gather.

Separate from the tables, because it knows nothing of what is written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.errors import StorageUnavailable

T = TypeVar("T")


@dataclass
class _Round(Generic[T]):
    items: list[T] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    taken: bool = False
    error: Exception | None = None


class Together(Generic[T]):
    """Passes the items of several threads to one call of a function.

    A thread that comes alone waits for nothing. Where a call for several threads fails while storage is there, each
    thread repeats it with its own items, so that one thread's bad item fails no other.

    Args:
        act: takes any number of items; harmless to repeat.
    """

    def __init__(self, act: Callable[[Sequence[T]], None]) -> None:
        self._act = act
        self._acting = threading.Lock()
        self._guard = threading.Lock()
        self._gathering: _Round[T] | None = None

    def __call__(self, items: Sequence[T]) -> None:
        """Return once a call took these items; raises what the function raises for them."""
        if not items:
            return
        mine, leads = self._joined(items)
        if leads:
            self._lead(mine)
        else:
            mine.done.wait()
        if mine.taken:
            return
        if mine.error and (len(mine.items) == len(items) or isinstance(mine.error, StorageUnavailable)):
            raise mine.error
        self._act(items)

    def _joined(self, items: Sequence[T]) -> tuple[_Round[T], bool]:
        """Return the round that took the items, and whether the caller opened it."""
        with self._guard:
            mine = self._gathering
            leads = mine is None
            if mine is None:
                mine = self._gathering = _Round()
            mine.items.extend(items)
            return mine, leads

    def _lead(self, mine: _Round[T]) -> None:
        with self._acting:
            with self._guard:
                self._gathering = None
            try:
                self._act(mine.items)
                mine.taken = True
            except Exception as error:
                mine.error = error
            finally:
                mine.done.set()
