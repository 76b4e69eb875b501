"""A lease is renewed several times within its length, and what ends it ends the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from service.errors import Cancelled, LeaseLost, NotFound, StorageUnavailable
from service.jobs.job_queue import JobQueue, Message
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.worker import lease as module
from service.worker.lease import HEARTBEAT_S, REPORT_EVERY_S, Lease
from tests.fixtures.jobs import job
from tests.fixtures.stand_in_stores import StandInQueue, StandInTable

MESSAGE = Message("m", "r", "text", 1)


@dataclass
class Bench:
    """A claimed job over stand-ins of its stores, and a clock that the test moves."""

    table: StandInTable
    queue: StandInQueue
    record: JobRecord
    moment: float = 1000.0

    def monotonic(self) -> float:
        return self.moment

    def lease(self, lease_s: int = 60) -> Lease:
        return Lease(cast(JobTable, self.table), cast(JobQueue, self.queue), MESSAGE, self.record, lease_s)

    @property
    def stored(self) -> JobRecord:
        return self.table.records[self.record.job.job_id]

    def pass_until(self, lease: Lease, seconds: float) -> list[float]:
        """Call the lease whenever it is due; return the moments at which it wrote the record."""
        began, written = self.moment, []
        while lease.next_due <= began + seconds:
            self.moment, before = max(self.moment, lease.next_due), self.stored.version
            lease.renew_if_due()
            if self.stored.version != before:
                written.append(self.moment - began)
        self.moment = began + seconds
        return written


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    def bench(media: str = "image") -> Bench:
        table = StandInTable()
        record = table.put(JobRecord(job(media), "", now()).claimed("me", "a1", 60, now()))
        made = Bench(table, StandInQueue(), record)
        monkeypatch.setattr(module, "time", made)
        return made

    return bench


@pytest.mark.parametrize(("lease_s", "every_s"), [(60, HEARTBEAT_S), (6, 2)])
def test_the_record_is_renewed_at_each_heartbeat_and_thrice_a_short_lease(
    bench: Callable[..., Bench], lease_s: int, every_s: float
) -> None:
    made = bench()
    assert made.pass_until(made.lease(lease_s), 3 * every_s) == [every_s, 2 * every_s, 3 * every_s]


def test_the_message_is_hidden_anew_thrice_a_lease(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.pass_until(made.lease(60), 40)
    # Each receipt is the one that the call before gave.
    assert made.queue.hidden == [("r", 60), ("r+", 60)]


def test_a_videos_progress_is_written_within_a_second_and_a_pictures_is_not(bench: Callable[..., Bench]) -> None:
    for media, written in (("video", [REPORT_EVERY_S]), ("image", [])):
        made = bench(media)
        lease = made.lease()
        lease.report("measure", 0.5)
        assert made.pass_until(lease, 2) == written
        assert (made.stored.stage, made.stored.progress) == (("measure", 0.5) if written else ("starting", 0.0))


@pytest.mark.parametrize(("media", "rows"), [("image", 1), ("video", 3)])
def test_lists_show_a_video_anew_at_each_heartbeat_and_a_picture_once(
    bench: Callable[..., Bench], media: str, rows: int
) -> None:
    made = bench(media)
    made.pass_until(made.lease(), 3 * HEARTBEAT_S)
    assert len(made.table.state_index.renewed) == rows


@pytest.mark.parametrize(("seconds", "hidden_s"), [(0, 0), (-3, 0), (0.4, 0), (9.6, 10)])
def test_a_message_is_hidden_for_whole_seconds_and_none_is_at_once(
    bench: Callable[..., Bench], seconds: float, hidden_s: int
) -> None:
    made = bench()
    made.lease().hide_message(seconds)
    assert made.queue.hidden == [("r", hidden_s)]


def test_a_message_that_is_gone_is_the_next_receivers_concern(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.queue.is_gone = True
    lease = made.lease()
    lease.hide_message(1)
    lease.delete_message()


def changed(**more: Any) -> Callable[[Bench], None]:
    def change(made: Bench) -> None:
        made.table.put(replace(made.stored, **more))

    return change


def purged(made: Bench) -> None:
    made.table.gone[made.record.job.job_id] = NotFound("purged")


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        (changed(owner="other"), LeaseLost),
        (changed(attempt_id="a2"), LeaseLost),
        (changed(state="succeeded"), LeaseLost),
        (changed(cancel_requested=True), Cancelled),
        (purged, NotFound),
    ],
)
def test_what_ends_a_lease_stops_the_work_and_is_renewed_no_more(
    bench: Callable[..., Bench], happens: Callable[[Bench], None], error: type[Exception]
) -> None:
    made = bench()
    lease = made.lease()
    lease.check()
    happens(made)
    made.moment += HEARTBEAT_S
    assert not lease.renew_if_due()
    assert lease.is_stopped
    with pytest.raises(error):
        lease.check()


def test_a_finished_jobs_row_is_put_right_by_the_worker_that_lost_it(bench: Callable[..., Bench]) -> None:
    for state, renewed in (("succeeded", 1), ("running", 0)):
        made = bench()
        lease = made.lease()
        changed(state=state, owner="other")(made)
        with pytest.raises(LeaseLost):
            lease.settle(lambda record: record)
        assert made.table.state_index.renewed == [made.stored] * renewed


def test_what_others_write_into_a_held_record_is_kept(bench: Callable[..., Bench]) -> None:
    made = bench()
    lease = made.lease()
    changed(callbacks="https://lab.net/x")(made)
    made.moment += HEARTBEAT_S
    assert lease.renew_if_due()
    assert made.stored.callbacks == lease.callbacks == "https://lab.net/x"


def test_a_renewal_that_fails_is_repeated_soon_until_the_lease_is_over(bench: Callable[..., Bench]) -> None:
    made = bench()
    lease = made.lease(60)
    made.table.fails = [StorageUnavailable("away")] * 2
    assert made.pass_until(lease, HEARTBEAT_S + 2 * REPORT_EVERY_S) == [HEARTBEAT_S + 2 * REPORT_EVERY_S]
    made.moment += 59.9
    lease.check()
    made.moment += 0.1
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_settled_job_is_renewed_no_more(bench: Callable[..., Bench]) -> None:
    made = bench()
    lease = made.lease()
    ended = lease.settle(lambda record: record.succeeded("a1", now()))
    assert ended == made.stored
    made.moment += HEARTBEAT_S
    assert not lease.renew_if_due()
    assert ended == made.stored
    assert made.table.state_index.renewed == []


def test_a_released_job_is_shown_as_such(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.lease().settle(lambda record: replace(record, owner=""))
    assert made.table.state_index.renewed == [made.stored]


def test_an_ended_lease_is_renewed_no_more(bench: Callable[..., Bench]) -> None:
    made = bench()
    lease = made.lease()
    lease.end()
    made.moment += HEARTBEAT_S
    assert not lease.renew_if_due()
    assert made.stored == made.record
