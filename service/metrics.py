"""All metrics; the rest of the service calls these functions and does not know Prometheus.

The metrics are made at their first use, so that `share` can decide before how they are kept: the web server's processes
each keep theirs in files of one folder, and the process that is scraped adds all of them up
(https://prometheus.github.io/client_python/multiprocess/).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from service.settings import share_metrics_in

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PREFIX, FORMER_PREFIX = "faceline_", "media_"
"""Beginning of every metric's name, and its former one, exported beside it for one release."""

STAGE_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10800)
REQUEST_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
FRAMES_PER_SECOND = (1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200)
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)

ENDINGS = ("succeeded", "failed", "cancelled", "superseded")

_shared_in: Path | None = None


class Numbers:
    """One process's metrics; label values are few and never a caller's own text."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        own = self.registry = CollectorRegistry()
        self.jobs = Counter(
            "faceline_jobs", "Jobs that ended, by state and error code.", ["state", "code"], registry=own
        )
        self.attempts = Counter("faceline_attempts", "Attempts at jobs that were started.", registry=own)
        self.stages = Histogram(
            "faceline_stage_seconds",
            "Seconds of each stage of a job, `queue` from its submission to its first attempt.",
            ["stage"],
            buckets=STAGE_SECONDS,
            registry=own,
        )
        self.frames = Histogram(
            "faceline_frames_per_second",
            "Frames of a video by the seconds of its engine run.",
            buckets=FRAMES_PER_SECOND,
            registry=own,
        )
        self.faces = Counter("faceline_faces", "Faces in published tables.", registry=own)
        self.success = Histogram(
            "faceline_success_share", "Share of a video's frames with `success` 1.", buckets=SHARES, registry=own
        )
        self.renewals = Counter(
            "faceline_lease_renewals", "Renewals of claims: renewed, failed, lost.", ["outcome"], registry=own
        )
        self.restarts = Counter(
            "faceline_engine_restarts", "Engine and analyser processes that ended over their media.", registry=own
        )
        self.drift = Gauge(
            "faceline_canary_drift",
            "Deviation of the reference picture's measures from the recorded ones, in tolerances; above 1 is bad.",
            ["engine"],
            registry=own,
        )
        self.requests = Counter(
            "faceline_http_requests", "Answered requests, by route and status.", ["route", "status"], registry=own
        )
        self.request_seconds = Histogram(
            "faceline_http_request_seconds",
            "Seconds to the beginning of the answer.",
            ["route"],
            buckets=REQUEST_SECONDS,
            registry=own,
        )


@cache
def _numbers() -> Numbers:
    return Numbers()


def share(folder: Path) -> None:
    """Keep the metrics of all processes of a server in files of this folder; call before the first metric."""
    global _shared_in
    folder.mkdir(exist_ok=True)
    share_metrics_in(folder)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    _shared_in = folder


def process_ended(pid: int) -> None:
    """Drop the gauges of an ended process; its counters stay."""
    if _shared_in:
        mark_process_dead(pid, str(_shared_in))  # type: ignore[no-untyped-call]


def exposition(*more: Collector) -> bytes:
    """Return all metrics in Prometheus' text format, of all processes where they are shared."""
    own: Collector = MultiProcessCollector(None, str(_shared_in)) if _shared_in else _numbers().registry  # type: ignore[no-untyped-call]
    return generate_latest(_Together([own, *more]))


class _Together(Collector):
    def __init__(self, parts: Iterable[Collector]) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        for part in self._parts:
            for metric in part.collect():
                yield metric
                yield _with_former_name(metric)


def _with_former_name(metric: Metric) -> Metric:
    """Copy a metric under the name that it had up to 0.1, for dashboards and alerts that still ask for it."""
    former = Metric(_former(metric.name), f"Former name of {metric.name}.", metric.type, metric.unit)
    former.samples = [sample._replace(name=_former(sample.name)) for sample in metric.samples]
    return former


def _former(name: str) -> str:
    return f"{FORMER_PREFIX}{name.removeprefix(PREFIX)}"


def expect_jobs() -> None:
    """Export zeros from the start: a rate cannot be computed from a counter that begins with its first event."""
    for state in ("succeeded", "failed"):
        _numbers().jobs.labels(state, "")


def job_ended(state: str, code: str = "") -> None:
    """Count a job that has reached one of `ENDINGS`."""
    if state in ENDINGS:
        _numbers().jobs.labels(state, code).inc()


def attempt_began(waited_s: float | None) -> None:
    """Count an attempt; `waited_s`: since the job's submission, for its first attempt."""
    _numbers().attempts.inc()
    if waited_s is not None:
        stage_ended("queue", max(waited_s, 0.0))


def stage_ended(stage: str, seconds: float) -> None:
    """Observe a step of the pipeline, successful or not."""
    _numbers().stages.labels(stage).observe(seconds)


def table_measured(faces: int, frames: int | None, frames_success: int | None, engine_s: float) -> None:
    """Observe a measured table; a picture has no frames."""
    numbers = _numbers()
    numbers.faces.inc(faces)
    if frames and engine_s > 0:
        numbers.frames.observe(frames / engine_s)
        numbers.success.observe((frames_success or 0) / frames)


def lease_renewal(outcome: str) -> None:
    """Count a renewal: `renewed`, `failed` or `lost`."""
    _numbers().renewals.labels(outcome).inc()


def engine_restarted() -> None:
    """Count a process that ended over its media and was replaced."""
    _numbers().restarts.inc()


def canary_measured(engine: str, drift: float) -> None:
    """Set the drift in tolerances; infinite where the reference picture could not be measured."""
    _numbers().drift.labels(engine).set(drift)


def request_answered(route: str, status: int, seconds: float) -> None:
    """Count and time an answer; `route`: as it was declared, never the path."""
    _numbers().requests.labels(route, str(status)).inc()
    _numbers().request_seconds.labels(route).observe(seconds)


def meanings() -> dict[str, str]:
    """Return the meaning of each metric, by its name as `/metrics` has it."""
    return {
        f"{metric.name}_total" if metric.type == "counter" else metric.name: metric.documentation
        for metric in _numbers().registry.collect()
    }
