"""Write the rows of jobs that have succeeded, those of several together, and delete their messages after that.

The record says that the job has succeeded before. A worker that dies in between leaves the message, by which the next
one puts the rows right.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from service.errors import AnalysisError
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord
from service.logs import log

AT_MOST = 32
"""Jobs whose rows are written together."""
LONGEST_S = 1.0
"""For which the first of them waits, while the worker has others in hand."""


@dataclass(frozen=True)
class _Ended:
    record: JobRecord
    delete_message: Callable[[], None]
    log_context: contextvars.Context


class LastWrites:
    """Writes them on a thread of its own; use as a context manager around a worker's jobs.

    Args:
        more_come: whether other jobs are in hand.
    """

    def __init__(self, table: JobTable, more_come: Callable[[], bool]) -> None:
        self._table = table
        self._more_come = more_come
        self._changed = threading.Condition()
        self._waiting: list[_Ended] = []
        self._left = False
        self._thread = threading.Thread(target=self._run, name="last-writes")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._left = True
            self._changed.notify()
        self._thread.join()

    def put(self, record: JobRecord, delete_message: Callable[[], None]) -> None:
        """Have a job's rows written, and its message deleted then."""
        with self._changed:
            self._waiting.append(_Ended(record, delete_message, contextvars.copy_context()))
            self._changed.notify()

    def look_again(self) -> None:
        """Ask anew whether more come."""
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while together := self._next():
            try:
                self._table.renew_rows(*(ended.record for ended in together))
            except Exception:
                # The messages become visible again; a worker that receives them writes the rows.
                log.exception("worker.rows_left")
                continue
            for ended in together:
                ended.log_context.run(_delete, ended)

    def _next(self) -> list[_Ended]:
        """Wait for jobs, and for others that come soon; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._left)
            self._changed.wait_for(self._is_time, LONGEST_S)
            together, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
            return together

    def _is_time(self) -> bool:
        return self._left or len(self._waiting) >= AT_MOST or not self._more_come()


def _delete(ended: _Ended) -> None:
    try:
        ended.delete_message()
    except AnalysisError as error:
        # It becomes visible again, and is dropped by the worker that receives it.
        log.warning("job.message_left", error=error.message)
