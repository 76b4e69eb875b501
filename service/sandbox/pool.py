"""A bounded pool of children that have everything loaded: each answers one question at a time.

Each child has a thread of its own, which starts it, asks it, and starts another one where it ended over a picture.
"""

from __future__ import annotations

import queue
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service import errors, metrics
from service.errors import AnalysisError, Busy, EngineUnavailable, UnreadableMedia, WorkspaceFull
from service.logs import log
from service.sandbox.child_loop import ERROR
from service.sandbox.process import ChildLimits, Companion, clean
from service.sandbox.protocol import Deadline, LineClosed, receive, send

REPOSITORY = Path(__file__).resolve().parent.parent.parent
HELLO: dict[str, Any] = {"do": "hello"}
"""The first question to each child: it answers when its models are loaded."""
START_S = 60.0
AGAIN_S = 2.0
TAIL_BYTES = 2000


Answer = tuple[dict[str, Any], bytes]


class ChildEnded(UnreadableMedia):
    """The picture could not be read: its decoder ended over it."""


@dataclass
class _Question:
    question: dict[str, Any]
    body: bytes
    answer: Future[Answer] = field(default_factory=Future)


class Pool:
    """Children of one kind.

    Args:
        module: run as `python -m <module>`; it calls `child_loop.serve`.
        children: processes.
        waiting: questions that may wait for one of them.
        time_s: how long a child may take over one question.
        memory_bytes: address space of each child.
        answers: after so many another child takes its place, so that nothing of what they see piles up.
        folder: tells where children have their own folders; asked when the first starts. Default: TMPDIR.
    """

    def __init__(
        self,
        module: str,
        *,
        children: int,
        waiting: int,
        time_s: float,
        memory_bytes: int = 4 << 30,
        answers: int = 10_000,
        folder: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self._module = module
        self._answers = answers
        self._folder = folder
        self._children = children
        self._time_s = time_s
        self._limits = ChildLimits(time_s=time_s, memory_bytes=memory_bytes, file_bytes=64 << 20)
        self._questions: queue.Queue[_Question | None] = queue.Queue(waiting)
        self._starting = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._trouble: EngineUnavailable | None = None

    def start(self) -> None:
        """Start the children, without waiting for them; done by the first question if not before."""
        with self._starting:
            if not self._threads:
                keeping = [
                    threading.Thread(target=self._keep_one, name=f"{self._module}-{number}", daemon=True)
                    for number in range(self._children)
                ]
                for thread in keeping:
                    thread.start()
                self._threads = keeping

    def ping(self) -> None:
        """Raises EngineUnavailable where the last child that was started did not come up."""
        if self._trouble:
            raise self._trouble

    def close(self) -> None:
        """Let the children go; questions asked afterwards wait for ever."""
        with self._starting:
            for _ in self._threads:
                self._questions.put(None)
            for thread in self._threads:
                thread.join()
            self._threads = []

    def ask(self, question: dict[str, Any], body: bytes) -> Answer:
        """The answer of the next child that is free.

        Raises:
            Busy: all are at work and as many questions wait as may, or it took too long.
            EngineUnavailable: the children do not start.
            ChildEnded: the picture ended the child.
            MediaError: the picture cannot be used.
        """
        return self.submit(question, body).result()

    def submit(self, question: dict[str, Any], body: bytes = b"") -> Future[Answer]:
        """The same without waiting; raises Busy at once, the rest is raised by the future."""
        self.start()
        asked = _Question(question, body)
        try:
            self._questions.put_nowait(asked)
        except queue.Full as error:
            raise Busy from error
        return asked.answer

    def _keep_one(self) -> None:
        goes_on = True
        while goes_on:
            try:
                with tempfile.TemporaryDirectory(prefix="child-", dir=self._folder()) as folder:
                    goes_on = self._keep(Path(folder))
            except OSError as error:
                log.error("pool.no_folder", module=self._module, error=str(error))
                goes_on = self._refuse(WorkspaceFull() if WorkspaceFull.is_meant_by(error) else Busy())

    def _keep(self, folder: Path) -> bool:
        """One child's life; False when the pool closes."""
        child = None
        try:
            child = self._started(folder)
            return self._serve(child)
        except EngineUnavailable as error:
            log.error("pool.child_does_not_start", module=self._module, error=error.message)
            self._trouble = error
            return self._refuse(error)
        finally:
            if child:
                child.end()

    def _started(self, folder: Path) -> Companion:
        env = {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
        argv = [sys.executable, "-P", "-s", "-m", self._module]
        log_file = folder / "log"
        log_file.unlink(missing_ok=True)
        child = Companion(argv, cwd=folder, log=log_file, limits=self._limits, env=env)
        try:
            told, _ = _exchange(child, HELLO, b"", START_S)
        except (LineClosed, TimeoutError) as error:
            child.end()
            raise EngineUnavailable(f"the analyser does not start: {_tail(log_file)}") from error
        except BaseException:
            child.end()
            raise
        log.info("pool.child_ready", module=self._module, **told)
        self._trouble = None
        return child

    def _serve(self, child: Companion) -> bool:
        """Ask it one question after the other; True where another child has to take its place."""
        for _ in range(self._answers):
            asked = self._questions.get()
            if asked is None:
                return False
            try:
                asked.answer.set_result(_exchange(child, asked.question, asked.body, self._time_s))
            except AnalysisError as error:
                asked.answer.set_exception(error)
            except TimeoutError:
                log.warning("pool.child_too_slow", module=self._module, seconds=self._time_s)
                metrics.engine_restarted()
                asked.answer.set_exception(Busy(f"the picture took longer than {self._time_s:g} s; it was given up"))
                return True
            except LineClosed:
                log.warning("pool.child_ended", module=self._module)
                metrics.engine_restarted()
                asked.answer.set_exception(ChildEnded())
                return True
            except BaseException as error:
                asked.answer.set_exception(error)
                raise
        return True

    def _refuse(self, error: AnalysisError) -> bool:
        """Tell whoever asks that there is no child, for a while; then one is tried again."""
        with suppress(queue.Empty):
            while asked := self._questions.get(timeout=AGAIN_S):
                asked.answer.set_exception(error)
            return False
        return True


def _exchange(child: Companion, question: dict[str, Any], body: bytes, seconds: float) -> Answer:
    deadline = Deadline(seconds)
    send(child.line, question, body, deadline)
    words, answer = receive(child.line, deadline)
    if ERROR in words:
        kind = getattr(errors, str(words[ERROR]), UnreadableMedia)
        raise kind(str(words.get("message", ""))[:500])
    return words, answer


def _tail(log_file: Path) -> str:
    return clean(log_file.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace")).strip()
