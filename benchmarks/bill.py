"""What a day of jobs costs beside workers and storage, and which of Azure's limits it meets first.

Separate because none of it is simulated: it follows from the number of jobs, the busiest second and measured bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GIB = float(1 << 30)
EVENTS_A_UPLOAD = 1.0
"""Deliveries by Event Grid for one upload, as the subscription of infra/bicep filters them."""
NEXT_STAGE_EVENTS = 1.0
"""Deliveries for one result: the CSV's own event, for the next stage."""


@dataclass(frozen=True)
class SidePrices:
    """In US dollars, as `benchmarks.simulate` documents them."""

    log_gib: float
    function_calls: float
    function_gib_s: float
    event_grid_calls: float


@dataclass(frozen=True)
class SideShape:
    """What runs beside the workers.

    Attributes:
        web_vcpu, web_gib: of all replicas of web together, which run all day.
        function_s, function_gib: of one execution.
        log_bytes: that web and worker log for one job; None where that was not measured: nothing is added for it.
    """

    web_vcpu: float
    web_gib: float
    function_s: float
    function_gib: float
    log_bytes: float | None


@dataclass(frozen=True)
class Limit:
    """A limit of Azure, and how much of it a day's busiest second takes."""

    what: str
    most: float
    used: float

    @property
    def share(self) -> float:
        """Above 1 the limit is exceeded."""
        return self.used / self.most


def side_costs(
    jobs: int, day_s: float, shape: SideShape, prices: SidePrices, vcpu_s: float, gib_s: float
) -> dict[str, float]:
    """Dollars of a day for logs, functions, events and web."""
    deliveries = jobs * (EVENTS_A_UPLOAD + NEXT_STAGE_EVENTS)
    return {
        "cost_logs": jobs * (shape.log_bytes or 0.0) / GIB * prices.log_gib,
        "cost_functions": deliveries
        * (prices.function_calls / 1e6 + shape.function_s * shape.function_gib * prices.function_gib_s),
        "cost_event_grid": deliveries * prices.event_grid_calls / 1e6,
        "cost_web": day_s * (shape.web_vcpu * vcpu_s + shape.web_gib * gib_s),
    }


def busiest_second(arrivals: NDArray[np.float64]) -> float:
    """Most jobs that are submitted within one second."""
    return float(np.bincount(arrivals.astype(np.int64)).max()) if len(arrivals) else 0.0


def limits(arrivals_a_second: float, done_a_second: float, calls_a_job: float, vcpus: float) -> list[Limit]:
    """How far a day is from the documented limits of a storage account and a subscription, nearest first.

    Submitting takes about half of a job's requests, working on it the other half; the day's busiest second counts.
    """
    calls = (arrivals_a_second + done_a_second) * calls_a_job / 2
    # https://learn.microsoft.com/azure/storage/common/scalability-targets-standard-account and, for queues,
    # …/queues/scalability-targets; the quota of processors is a subscription's to raise.
    found = [
        Limit("requests a second of the account", 20_000, calls),
        Limit("messages a second of the queue", 2_000, arrivals_a_second + done_a_second),
        Limit("entities a second of a partition", 2_000, arrivals_a_second),
        Limit("vCPUs of an environment", 100, vcpus),
    ]
    return sorted(found, key=lambda limit: -limit.share)


def workers_for_bytes(bytes_a_day: float, bytes_each: float, seconds_each: float, engines: int) -> float:
    """Workers that are busy all day with this much media, `seconds_each` of one engine for each file."""
    return bytes_a_day / bytes_each * seconds_each / (engines * 86_400)


def first_limit(found: Sequence[Limit]) -> str:
    """The nearest limit, in words."""
    nearest = found[0]
    return f"{nearest.what}: {nearest.share:.0%} of {nearest.most:,.0f}"
