"""A pool of forked processes that needs no shared memory, which a sandbox may not have."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ForkedPool(Executor):
    """Run calls in forked processes; a thread waits for each of them.

    `ProcessPoolExecutor` has semaphores, which lie in shared memory. Make it before any thread is started.
    """

    def __init__(self, count: int, begin: Callable[[], None]) -> None:
        """Fork `count` processes, each of which calls `begin` first."""
        context = get_context("fork")
        self._idle: SimpleQueue[Connection[Any, Any]] = SimpleQueue()
        self._processes = []
        for _ in range(count):
            line, theirs = context.Pipe()
            process = context.Process(target=_answer, args=(theirs, begin), daemon=True)
            process.start()
            # The line ends with the process: no other holds its end.
            theirs.close()
            self._processes.append(process)
            self._idle.put(line)
        self._threads = ThreadPoolExecutor(count)

    def submit(self, call: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> Future[T]:
        """Call in the next process that is free."""
        return self._threads.submit(self._ask, partial(call, *args, **named))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when all calls are done."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        for process in self._processes:
            process.terminate()
            process.join()

    def _ask(self, call: Callable[[], T]) -> T:
        line = self._idle.get()
        try:
            line.send(call)
            failed, answer = line.recv()
        except (EOFError, OSError) as error:
            raise BrokenProcessPool("a process ended over its work") from error
        finally:
            self._idle.put(line)
        if failed:
            raise answer
        return answer  # type: ignore[no-any-return]


def _answer(line: "Connection[Any, Any]", begin: Callable[[], None]) -> None:
    begin()
    while True:
        call = line.recv()
        try:
            answer = (False, call())
        except Exception as error:
            answer = (True, error)
        line.send(answer)
