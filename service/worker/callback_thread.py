"""Call the addresses that jobs name when they end, beside the jobs of a worker."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from service.errors import BadRequest, NotFound, StorageUnavailable
from service.jobs.callback_queue import CallbackQueue, PendingCall
from service.jobs.callbacks import CallbackMessage, CallbackRules
from service.jobs.job_facts import job_facts
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord
from service.logs import log
from service.worker.queue_thread import QueueThread
from service.worker.webhook import CallFailed, post

BODY_SCHEMA = 1
HIDDEN_S = 60
"""How long a call stays hidden from other workers while it is made."""
PAUSES_S = (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 12 * 3600)
"""Until the next try; after the last one the call is given up, within a day."""
UNFINISHED_S = 3
"""Until the next look at a job that has not ended."""


@dataclass(kw_only=True)
class CallbackThread(QueueThread[PendingCall]):
    """A thread that makes calls until the worker is shut down."""

    name: ClassVar[str] = "callbacks"
    idle_first_s: ClassVar[float] = 0.5
    idle_longest_s: ClassVar[float] = 5.0

    calls: CallbackQueue
    table: JobTable
    rules: CallbackRules
    secret: str

    def receive(self) -> PendingCall | None:
        """Take the next call. Raises StorageUnavailable."""
        return self.calls.receive(HIDDEN_S)

    def handle(self, pending: PendingCall) -> None:
        """Make a call; one that fails comes back."""
        try:
            if pending.call is None or self._is_done(pending.call, pending.tries):
                self.calls.delete(pending.message)
            else:
                self.calls.hide(pending.message, PAUSES_S[pending.tries - 1])
        except (StorageUnavailable, NotFound) as error:
            log.warning("callbacks.left_for_later", error=error.message)
        except Exception:
            # The next call may be better; this one comes back.
            log.exception("callbacks.unexpected_error")

    def _is_done(self, call: CallbackMessage, tries: int) -> bool:
        """Make the call; False where it is to be tried again."""
        try:
            record = self.table.get(call.job_id)
        except NotFound:
            # Purged, or removed after its retention.
            return True
        if not record.is_finished:
            # Its worker is about to write the end, or was killed before.
            self.calls.announce(call.job_id, [call.address], after_s=UNFINISHED_S)
            return True
        try:
            target = self.rules.check(call.address)
        except BadRequest as error:
            # CALLBACK_HOSTS has changed since.
            log.error("callbacks.refused", job_id=call.job_id, error=error.message)
            return True
        about: dict[str, Any] = {"job_id": call.job_id, "host": target.host, "tries": tries}
        try:
            status = post(
                target,
                body_of(record),
                self.secret,
                call.job_id,
                record.traceparent,
                allow_private=self.rules.allow_private,
            )
            if not 200 <= status < 300:
                raise CallFailed(f"{target.host} answered {status}")
        except CallFailed as error:
            given_up = tries > len(PAUSES_S)
            (log.error if given_up else log.warning)(
                "callbacks.given_up" if given_up else "callbacks.failed", error=error.message, **about
            )
            return given_up
        log.info("callbacks.called", status=status, **about)
        return True


def body_of(record: JobRecord) -> bytes:
    """Return the body of a job's calls: its state, and where it is found; no link in it grants access."""
    job = job_facts(record).model_dump(mode="json")
    named = {name: job[name] for name in ("state", "container", "blob", "media", "media_type", "generation", "error")}
    body = {"schema": BODY_SCHEMA, "job_id": record.job.job_id, **named, "times": job["times"]}
    return json.dumps(body | {"path": f"/jobs/{record.job.job_id}"}, separators=(",", ":")).encode()
