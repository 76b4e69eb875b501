"""A call is made once its job has ended, tried again for a day, and dropped where it can never be made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from service.errors import NotFound, StorageUnavailable
from service.jobs.callback_queue import CallbackQueue, PendingCall
from service.jobs.callbacks import CallbackMessage, CallbackRules, Target
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.jobs.side_queue import SideMessage
from service.worker import callback_thread as module
from service.worker.callback_thread import PAUSES_S, UNFINISHED_S, CallbackThread, body_of
from service.worker.shutdown import Shutdown
from service.worker.webhook import CallFailed
from tests.fixtures.jobs import job
from tests.fixtures.stand_in_stores import StandInTable

HOOK = "https://lab.net/x"
QUEUED = JobRecord(job(), "00-trace", now())
DONE = QUEUED.claimed("me", "a1", 60, now()).succeeded("a1", now())


@dataclass
class Bench:
    """A thread over stand-ins of its queue and table; `answer` is what the receiver answers."""

    answer: int | Exception = 204
    table: StandInTable = field(default_factory=StandInTable)
    deleted: int = 0
    hidden: list[int] = field(default_factory=list)
    announced: list[tuple[str, list[str], int]] = field(default_factory=list)
    posted: list[tuple[Any, ...]] = field(default_factory=list)

    def delete(self, message: SideMessage) -> None:
        self.deleted += 1

    def hide(self, message: SideMessage, hidden_s: int) -> None:
        self.hidden.append(hidden_s)

    def announce(self, job_id: str, addresses: Iterable[str], after_s: int) -> None:
        self.announced.append((job_id, list(addresses), after_s))

    def post(self, *about: Any, allow_private: bool) -> int:
        self.posted.append((*about, allow_private))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def handle(self, *, tries: int = 1, address: str = HOOK, is_call: bool = True) -> None:
        call = CallbackMessage(QUEUED.job.job_id, address) if is_call else None
        thread = CallbackThread(
            shutdown=Shutdown(0),
            calls=cast(CallbackQueue, self),
            table=cast(JobTable, self.table),
            rules=CallbackRules(("lab.net",), allow_private=False),
            secret="s",
        )
        thread.handle(PendingCall(SideMessage("m", "r", "", tries), call))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setattr(module, "post", made.post)
    made.table.put(DONE)
    return made


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_call_that_is_taken_is_made_once(bench: Bench, status: int) -> None:
    bench.answer = status
    bench.handle()
    assert (bench.deleted, bench.hidden) == (1, [])
    stored = bench.table.get(DONE.job.job_id)
    target = Target("https", "lab.net", 443, "/x")
    assert bench.posted == [(target, body_of(stored), "s", DONE.job.job_id, "00-trace", False)]


@pytest.mark.parametrize("answer", [199, 300, 404, 500, CallFailed("no answer")])
def test_a_call_that_is_not_taken_comes_back_after_a_while(bench: Bench, answer: int | Exception) -> None:
    bench.answer = answer
    bench.handle()
    assert (bench.deleted, bench.hidden) == (0, [PAUSES_S[0]])


def test_pauses_grow_and_a_call_is_given_up_after_the_last(bench: Bench) -> None:
    bench.answer = 500
    for tries in range(1, len(PAUSES_S) + 2):
        bench.handle(tries=tries)
    assert bench.hidden == list(PAUSES_S)
    assert bench.deleted == 1
    assert list(PAUSES_S) == sorted(PAUSES_S)


def test_a_job_that_has_not_ended_is_looked_at_again_soon_as_a_new_call(bench: Bench) -> None:
    bench.table.put(replace(QUEUED, state="running"))
    bench.handle(tries=5)
    assert bench.announced == [(QUEUED.job.job_id, [HOOK], UNFINISHED_S)]
    assert (bench.deleted, bench.posted) == (1, [])


def purged(bench: Bench) -> None:
    bench.table.gone[DONE.job.job_id] = NotFound("purged")


@pytest.mark.parametrize(
    ("happens", "call"),
    [(purged, {}), (lambda bench: None, {"address": "https://other.net/"}), (lambda bench: None, {"is_call": False})],
)
def test_a_call_that_can_never_be_made_is_dropped(
    bench: Bench, happens: Callable[[Bench], None], call: dict[str, Any]
) -> None:
    happens(bench)
    bench.handle(**call)
    assert (bench.deleted, bench.hidden, bench.posted) == (1, [], [])


@pytest.mark.parametrize("error", [StorageUnavailable("away"), RuntimeError("a defect")])
def test_a_call_that_meets_an_outage_or_a_defect_comes_back(bench: Bench, error: Exception) -> None:
    bench.answer = error
    bench.handle()
    assert (bench.deleted, bench.hidden) == (0, [])


def test_a_body_says_how_the_job_ended_and_grants_no_access() -> None:
    body = json.loads(body_of(DONE))
    assert (body["job_id"], body["state"], body["path"]) == (DONE.job.job_id, "succeeded", f"/jobs/{DONE.job.job_id}")
    assert set(body) == {
        *("schema", "job_id", "state", "container", "blob", "media", "media_type", "generation", "error"),
        *("times", "path"),
    }
