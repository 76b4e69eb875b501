"""A sweep keeps its lease while it goes on, and moves its watermark only when all that it found is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from service.errors import StorageUnavailable
from service.jobs.backend import JobBackend
from service.jobs.names import OWN_CONTAINER
from service.jobs.record import JobRecord, now
from service.jobs.sweep import sweep as module
from service.jobs.sweep.finding import Finding
from service.jobs.sweep.lease import EARLIEST, SweepLease, SweepLeases
from service.jobs.sweep.sweep import LEASE_S, sweep
from service.settings import Settings
from tests.fixtures.jobs import job

STEP_S = 50.0
STUCK = replace(JobRecord(job(), "", now() - timedelta(hours=1)), age_s=3600)


@dataclass
class Bench:
    """Stand-in of all stores and of the leases; each step of an index's backfill takes a while by the clock."""

    steps: int = 0
    moment: float = 0.0
    stuck: tuple[JobRecord, ...] = ()
    away: bool = False
    sent: list[str] = field(default_factory=list)
    renewed_at: list[float] = field(default_factory=list)
    released: list[tuple[datetime, Mapping[str, str]]] = field(default_factory=list)
    settings: Settings = field(default_factory=lambda: Settings.load({"RESULTS_CONTAINER": OWN_CONTAINER}))

    @property
    def table(self) -> Any:
        return self

    blobs = queue = state_index = text_index = mark = put = table

    def index(self, *records: JobRecord) -> None:
        pass

    def monotonic(self) -> float:
        return self.moment

    def is_complete(self) -> bool:
        return not self.steps

    def backfill(self, put: object) -> Iterator[None]:
        while self.steps:
            self.steps, self.moment = self.steps - 1, self.moment + STEP_S
            yield None

    def oldest_waiting(self) -> None:
        return None

    def unsettled(self) -> Iterator[JobRecord]:
        yield from self.stuck

    def upload_containers(self) -> list[str]:
        return []

    def send(self, text: str) -> None:
        if self.away:
            raise StorageUnavailable("away")
        self.sent.append(text)

    def acquire(self, owner: str, lease_s: float) -> SweepLease:
        return SweepLease(EARLIEST, owner, now(), lease_s, "1", {"tombstones": "x"})

    def renew(self, lease: SweepLease, lease_s: float) -> SweepLease:
        self.renewed_at.append(self.moment)
        return lease

    def release(self, lease: SweepLease, watermark: datetime, cursors: Mapping[str, str]) -> None:
        self.released.append((watermark, cursors))

    def sweep(self, *, mend: bool = True) -> Iterator[Finding]:
        leases = cast(SweepLeases, self)
        return sweep(cast(JobBackend, self), leases, "me", grace=timedelta(minutes=10), mend=mend)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setattr(module, "time", made)
    return made


def test_a_long_sweep_renews_its_lease_twice_within_its_length(bench: Bench) -> None:
    bench.steps = round(2 * LEASE_S / STEP_S)
    assert list(bench.sweep()) == []
    assert bench.renewed_at == [LEASE_S / 2, LEASE_S, 3 * LEASE_S / 2, 2 * LEASE_S]


def test_a_short_sweep_renews_nothing(bench: Bench) -> None:
    bench.steps = 3
    assert list(bench.sweep()) == []
    assert bench.renewed_at == []


@pytest.mark.parametrize(
    ("mend", "away", "sent", "moves"), [(True, False, 1, True), (True, True, 0, False), (False, False, 0, False)]
)
def test_the_watermark_moves_when_all_findings_are_mended(
    bench: Bench, mend: bool, away: bool, sent: int, moves: bool
) -> None:
    bench.stuck, bench.away = (STUCK,), away
    [finding] = bench.sweep(mend=mend)
    assert (bool(finding.mended), bool(finding.error), len(bench.sent)) == (sent == 1, away, sent)
    [(watermark, cursors)] = bench.released
    assert (watermark > EARLIEST) is moves
    assert cursors == {"tombstones": "x"}
    assert now() - watermark > timedelta(minutes=10)


def test_a_sweep_that_breaks_off_frees_its_lease_and_leaves_the_watermark(bench: Bench) -> None:
    bench.stuck = (STUCK, STUCK)
    findings = bench.sweep()
    next(findings)
    findings.close()  # type: ignore[attr-defined]
    assert [watermark for watermark, _ in bench.released] == [EARLIEST]
