"""A bounded pool of children that have everything loaded; each answers one request at a time.

Each child has a keeper thread, which starts it, asks it, and starts another one where it ended.
"""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service import metrics
from service.errors import AnalysisError, Busy, EngineUnavailable, UnreadableMedia, WorkspaceFull
from service.logs import log
from service.sandbox.confinement import Access
from service.sandbox.printable import clean
from service.sandbox.process import KILLED, ChildLimits, Companion
from service.sandbox.protocol import Deadline, LineClosed, NotDelivered, raise_error, receive, send
from service.sandbox.python_child import start_companion

HELLO: dict[str, Any] = {"do": "hello"}
"""First request to each child: it answers when its models are loaded."""
START_S = 60.0
AGAIN_S = 2.0
TAIL_BYTES = 2000


Answer = tuple[dict[str, Any], bytes]


class ChildEnded(UnreadableMedia):
    """The picture could not be read: its decoder ended over it."""


@dataclass
class _Request:
    fields: dict[str, Any]
    body: bytes
    answer: Future[Answer] = field(default_factory=Future)
    asked_again: bool = False


class Pool:
    """Children of one kind.

    Args:
        module: run as `python -m <module>`; it calls `child_loop.serve`.
        children: processes.
        waiting: requests that may wait for one of them.
        time_s: how long a child may take over one request.
        memory_bytes: address space of each child.
        file_bytes: size of any one file that a child writes.
        answers: number of answers after which a child is replaced, so that nothing of what they see piles up.
        folder: gives the folder in which children get their own, when the first one starts. Default: TMPDIR.
        access: gives the files and folders that their requests name.
    """

    def __init__(
        self,
        module: str,
        *,
        children: int,
        waiting: int,
        time_s: float,
        memory_bytes: int = 4 << 30,
        file_bytes: int = 64 << 20,
        answers: int = 10_000,
        folder: Callable[[], Path | None] = lambda: None,
        access: Callable[[], Access] = Access,
    ) -> None:
        self._module = module
        self._children = children
        self._limits = ChildLimits(time_s=time_s, memory_bytes=memory_bytes, file_bytes=file_bytes)
        self._answers = answers
        self._folder = folder
        self._access = access
        self._requests: queue.Queue[_Request | None] = queue.Queue(waiting)
        self._starting = threading.Lock()
        self._keepers: list[_Keeper] = []
        self._trouble: EngineUnavailable | None = None

    def start(self) -> None:
        """Start the children, without waiting for them; done by the first request if not before."""
        with self._starting:
            if not self._keepers:
                keepers = [
                    _Keeper(
                        self._module,
                        number,
                        self._requests,
                        self._limits,
                        self._answers,
                        self._folder,
                        self._access,
                        self._note,
                    )
                    for number in range(self._children)
                ]
                for keeper in keepers:
                    keeper.start()
                self._keepers = keepers

    def ping(self) -> None:
        """Raise EngineUnavailable where the last child that was started did not come up."""
        if self._trouble:
            raise self._trouble

    def close(self) -> None:
        """End the children when the requests that wait are answered; a later request starts new ones."""
        with self._starting:
            for _ in self._keepers:
                self._requests.put(None)
            for keeper in self._keepers:
                keeper.join()
            self._keepers = []

    def ask(self, fields: dict[str, Any], body: bytes) -> Answer:
        """Return the answer of the next child that is free.

        Raises:
            Busy: all are at work and as many requests wait as may, or it took too long.
            EngineUnavailable: the children do not start.
            ChildEnded: the picture ended the child.
            MediaError: the picture cannot be used.
        """
        return self.submit(fields, body).result()

    def submit(self, fields: dict[str, Any], body: bytes = b"") -> Future[Answer]:
        """Ask without waiting for the answer; raises Busy at once, the future raises the rest."""
        self.start()
        request = _Request(fields, body)
        try:
            self._requests.put_nowait(request)
        except queue.Full as error:
            raise Busy from error
        return request.answer

    def _note(self, trouble: EngineUnavailable | None) -> None:
        self._trouble = trouble


class _Keeper:
    """Keeps one child at work, in a thread that outlives every child, whatever that one does or sends."""

    def __init__(
        self,
        module: str,
        number: int,
        requests: queue.Queue[_Request | None],
        limits: ChildLimits,
        answers: int,
        folder: Callable[[], Path | None],
        access: Callable[[], Access],
        note: Callable[[EngineUnavailable | None], None],
    ) -> None:
        self._module = module
        self._requests = requests
        self._limits = limits
        self._answers = answers
        self._folder = folder
        self._access = access
        self._note = note
        self._returned: _Request | None = None
        self._thread = threading.Thread(target=self._run, name=f"{module}-{number}", daemon=True)
        self.start, self.join = self._thread.start, self._thread.join

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            try:
                with tempfile.TemporaryDirectory(prefix="child-", dir=self._folder()) as folder:
                    goes_on = self._keep(Path(folder))
            except OSError as error:
                log.error("pool.no_folder", module=self._module, error=str(error))
                goes_on = self._refuse(WorkspaceFull() if WorkspaceFull.is_meant_by(error) else Busy())

    def _keep(self, folder: Path) -> bool:
        """Live one child's life; False when the pool closes."""
        try:
            child = self._started(folder)
        except EngineUnavailable as error:
            log.error("pool.child_does_not_start", module=self._module, error=error.message)
            self._note(error)
            return self._refuse(error)
        try:
            for _ in range(self._answers):
                request = self._next()
                if request is None:
                    return False
                if not self._answer(child, request):
                    return True
            return True
        finally:
            child.end()

    def _started(self, folder: Path) -> Companion:
        log_file = folder / "log"
        child = start_companion(self._module, folder, log_file, self._limits, self._access())
        try:
            versions, _ = _exchange(child, HELLO, b"", START_S)
        except (LineClosed, TimeoutError, AnalysisError) as error:
            child.end()
            raise EngineUnavailable(f"the analyser does not start: {_tail(log_file)}") from error
        except BaseException:
            child.end()
            raise
        log.info("pool.child_ready", module=self._module, versions=versions)
        self._note(None)
        return child

    def _next(self, timeout: float | None = None) -> _Request | None:
        """Return the next request that somebody still waits for; None when the pool closes. Raises queue.Empty."""
        returned, self._returned = self._returned, None
        if returned:
            return returned
        while request := self._requests.get(timeout=timeout):
            if request.answer.set_running_or_notify_cancel():
                return request
        return None

    def _answer(self, child: Companion, request: _Request) -> bool:
        """Ask the child and settle the request; False where another child has to take its place."""
        try:
            request.answer.set_result(_exchange(child, request.fields, request.body, self._limits.time_s))
        except AnalysisError as error:
            request.answer.set_exception(error)
        except TimeoutError:
            seconds = self._limits.time_s
            log.warning("pool.child_too_slow", module=self._module, seconds=seconds)
            metrics.engine_restarted()
            request.answer.set_exception(Busy(f"the picture took longer than {seconds:g} s; it was given up"))
            return False
        except LineClosed as error:
            self._child_ended(child, request, error)
            return False
        except Exception as error:
            log.exception("pool.unexpected_error", module=self._module)
            request.answer.set_exception(error)
            return False
        return True

    def _child_ended(self, child: Companion, request: _Request, error: LineClosed) -> None:
        """Blame the picture, unless the child was gone before it had it, or was killed: then ask a fresh one, once."""
        killed = child.end() in KILLED
        log.warning("pool.child_ended", module=self._module, killed=killed)
        metrics.engine_restarted()
        if (killed or isinstance(error, NotDelivered)) and not request.asked_again:
            request.asked_again = True
            self._returned = request
        else:
            request.answer.set_exception(ChildEnded())

    def _refuse(self, error: AnalysisError) -> bool:
        """Answer all requests with the error for a while, then let a child be tried again; False when closing."""
        with suppress(queue.Empty):
            while request := self._next(timeout=AGAIN_S):
                request.answer.set_exception(error)
            return False
        return True


def _exchange(child: Companion, fields: dict[str, Any], body: bytes, seconds: float) -> Answer:
    if child.has_hung_up():
        raise NotDelivered
    deadline = Deadline(seconds)
    send(child.line, fields, body, deadline)
    answer, data = receive(child.line, deadline)
    raise_error(answer, besides=(EngineUnavailable,))
    return answer, data


def _tail(log_file: Path) -> str:
    return clean(log_file.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace")).strip()
