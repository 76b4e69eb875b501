"""List, replay and drop messages in the poison queue.

Messages are raw text. Some are jobs that failed, some are no jobs; none is ever changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from service.errors import AnalysisError, BadJob, BadRequest, NotFound, StorageUnavailable
from service.jobs.job import QueuedJob
from service.jobs.job_queue import JobQueue, Message
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord
from service.jobs.submit import JobSubmitter
from service.logs import continued_trace

SHORTEST_PREFIX = 6
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class SetAside:
    """One job in the poison queue, or one message that is no job.

    Attributes:
        copies: further messages of the job: the answer to a send was lost, and it was repeated.
        queued: the job; None where the message is none.
        record: of that job, where there is one.
        no_job_because: why it cannot be read as a job; empty where it can.
    """

    message: Message
    queued: QueuedJob | None
    no_job_because: str
    record: JobRecord | None = None
    copies: tuple[Message, ...] = ()

    @property
    def message_ids(self) -> set[str]:
        """Ids of all its messages."""
        return {self.message.id, *(copy.id for copy in self.copies)}

    @property
    def job_id(self) -> str:
        return self.queued.job.job_id if self.queued else ""

    def as_dict(self) -> dict[str, Any]:
        """One line of `--json`."""
        job, record = self.queued and self.queued.job, self.record
        error = record and record.error_code and {"code": record.error_code, "message": record.error_message}
        return {
            "id": self.message.id,
            "since": self.message.sent.isoformat() if self.message.sent else None,
            "job_id": self.job_id or None,
            "container": job.container if job else None,
            "blob": job.blob if job else None,
            "state": record.state if record else None,
            "error": error or None,
            "no_job_because": self.no_job_because or None,
            "attempts": record.attempts if record else None,
            "copies": len(self.copies),
            "text": self.message.text,
        }


@dataclass(frozen=True)
class Done:
    """The outcome for one message: the record of the job that is under way now, or why nothing was done."""

    message_id: str
    record: JobRecord | None = None
    error: AnalysisError | None = None


class PoisonQueue:
    """Lists, replays and drops the messages of a poison queue."""

    def __init__(self, queue: JobQueue, table: JobTable, submitter: JobSubmitter) -> None:
        self._queue = queue
        self._table = table
        self._submitter = submitter

    def look(self) -> list[SetAside]:
        """List all messages that no other process holds, oldest first, without changing them; one entry a job."""
        with self._queue.hold_poisoned() as hold:
            messages = sorted(hold.messages(), key=lambda message: message.sent or LONG_AGO)
        found: dict[str, SetAside] = {}
        for message in messages:
            one = SetAside(message, *_decoded(message))
            key = one.job_id or message.id
            found[key] = replace(found[key], copies=(*found[key].copies, message)) if key in found else one
        jobs = self._table.several(one.job_id for one in found.values() if one.queued)
        records = {record.job.job_id: record for record in jobs}
        return [replace(one, record=records.get(one.job_id)) for one in found.values()]

    def replay(self, chosen: Iterable[SetAside]) -> Iterator[Done]:
        """Submit the jobs again and delete their messages, in this order, so that none is lost in between.

        A message that is no job is refused, and stays.
        """
        return self._each(chosen, self._replayed)

    def drop(self, chosen: Iterable[SetAside]) -> Iterator[Done]:
        """Delete messages; the records of their jobs stay as they are."""
        return self._each(chosen, lambda message: None)

    def _each(self, chosen: Iterable[SetAside], act: Callable[[Message], JobRecord | None]) -> Iterator[Done]:
        # Only the chosen ones: a replayed job that fails again at once comes back as another message.
        entries = {message_id: one for one in chosen for message_id in one.message_ids}
        wanted = {one.message.id for one in entries.values()}
        if not wanted:
            return
        done: dict[str, Done] = {}
        with self._queue.hold_poisoned() as hold:
            for message in hold.messages():
                one = entries.pop(message.id, None)
                if one is None:
                    continue
                id_ = one.message.id
                is_first = id_ not in done
                if is_first:
                    done[id_] = self._done(id_, message, act)
                    wanted.discard(id_)
                if not done[id_].error:
                    with suppress(NotFound):
                        hold.delete(message)
                if is_first:
                    yield done[id_]
                if not entries:
                    return
        gone = NotFound("the message is gone, or another process holds it now", "message_gone")
        yield from (Done(message_id, error=gone) for message_id in sorted(wanted))

    def _done(self, id_: str, message: Message, act: Callable[[Message], JobRecord | None]) -> Done:
        try:
            return Done(id_, act(message))
        except StorageUnavailable:
            raise
        except AnalysisError as error:
            return Done(id_, error=error)

    def _replayed(self, message: Message) -> JobRecord:
        try:
            queued = QueuedJob.decode(message.text)
        except BadJob as error:
            raise BadRequest(f"only a job can be replayed: {error.message}", "not_a_job") from error
        traceparent = continued_trace(queued.traceparent)
        try:
            finished = self._table.get(queued.job.job_id).is_finished
        except NotFound:
            finished = False
        if finished:
            return self._submitter.rerun(queued.job.job_id, traceparent)
        record = self._submitter.submit(queued.job, traceparent)
        if record.state == "running":
            # A worker holds it, perhaps one that died and has no message left; a spare one is dropped.
            self._queue.send(message.text)
        return record


def pick(found: Sequence[SetAside], id_: str) -> list[SetAside]:
    """Return the messages with this id of a message or job, or with this beginning of one.

    A job may have several messages in the poison queue; then all are returned.

    Raises:
        BadRequest: too short, or the beginning of several.
        NotFound: of none.
    """
    if len(id_) < SHORTEST_PREFIX:
        raise BadRequest(f"at least {SHORTEST_PREFIX} characters of an id are needed", "bad_id")
    wanted = id_.lower()
    meant = [one for one in found if one.message.id.lower().startswith(wanted) or one.job_id.startswith(wanted)]
    if not meant:
        raise NotFound("no message of this id or job waits in the poison queue", "message_not_found")
    if len({one.job_id or one.message.id for one in meant}) > 1:
        raise BadRequest("several messages begin like this; give more of the id", "ambiguous_id")
    return meant


def _decoded(message: Message) -> tuple[QueuedJob | None, str]:
    try:
        return QueuedJob.decode(message.text), ""
    except BadJob as error:
        return None, error.message
