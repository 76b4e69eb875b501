"""What a worker counts, and what it tells on its port."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from infra.local.loopback import HOST, free_port
from service import metrics, wiring
from service.health import StatusServer
from service.settings import BadSettings
from tests.fixtures.media_made import clip, jpeg
from tests.integration.web.test_health import numbers
from tests.integration.worker.conftest import Bench


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def counting() -> Callable[..., float]:
    """How much a number has grown since now; the numbers are of the whole process."""
    before = numbers(metrics.exposition().decode())

    def grown(name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return numbers(metrics.exposition().decode()).get(key, 0.0) - before.get(key, 0.0)

    return grown


def test_a_video_is_counted_in_all_its_parts(bench: Bench) -> None:
    grown = counting()
    job = bench.submit("clip.mp4", clip(frames=10), media="video")
    with bench.worker():
        bench.finished(job)
    assert grown("faceline_jobs_total", state="succeeded", code="") == 1
    assert grown("faceline_attempts_total") == 1
    # The former names, for one release.
    assert grown("media_jobs_total", state="succeeded", code="") == 1
    for stage in ("queue", "fetch", "probe", "prepare", "engine", "results", "publish"):
        assert grown("faceline_stage_seconds_count", stage=stage) == 1, stage
    assert grown("faceline_stage_seconds_sum", stage="engine") > 0
    assert grown("faceline_frames_per_second_count") == grown("media_frames_per_second_count") == 1
    assert grown("faceline_success_share_sum") == 1
    assert grown("faceline_faces_total") == 1


def test_failures_and_retries_are_told_apart(bench: Bench) -> None:
    grown = counting()
    broken = bench.submit("broken.jpg", b"no picture")
    bench.submit("killed.jpg", jpeg())
    with bench.worker("killed", max_attempts=1):
        bench.settled()
    assert bench.record(broken).error_code == "unreadable_media"
    assert grown("faceline_jobs_total", state="failed", code="unreadable_media") == 1
    assert grown("faceline_jobs_total", state="failed", code="engine_crashed") == 1
    assert grown("faceline_engine_restarts_total") >= 1


def test_a_cancelled_job_and_a_renewed_lease(bench: Bench) -> None:
    grown = counting()
    waiting = bench.submit("waiting.jpg", jpeg())
    bench.account.services.submitter.cancel(waiting.job_id)
    assert grown("faceline_jobs_total", state="cancelled", code="cancelled") == 1
    job = bench.submit("clip.mp4", clip(frames=12), media="video")
    with bench.worker("slow", lease_s=3):
        bench.finished(job)
    assert grown("faceline_lease_renewals_total", outcome="renewed") >= 1


def test_the_port_tells_numbers_health_and_each_dependency(bench: Bench) -> None:
    port = free_port()
    settings = bench.account.settings.model_copy(update={"metrics_port": port})
    with bench.worker() as (worker, _), wiring.status_server(settings, bench.account.services, worker):
        status, text = ask(port, "/metrics")
        assert status == 200
        # Zero from the start: a rate cannot be seen in a number that begins with its first event.
        assert ("faceline_jobs_total", frozenset({("state", "failed"), ("code", "")})) in numbers(text)
        assert numbers(text)["faceline_queue_length", frozenset()] == 0
        assert ask(port, "/healthz")[0] == 200
        status, body = ask(port, "/readyz")
        checks = json.loads(body)["checks"]
        assert (status, set(checks)) == (200, {"blobs", "queue", "table", "engine", "canary"})
        assert all(check["seconds"] >= 0 for check in checks.values())
        assert ask(port, "/jobs")[0] == 404
        with pytest.raises(BadSettings, match="METRICS_PORT"):
            StatusServer(HOST, port, {}, bench.account.services.queue_metrics)


def test_without_a_port_nothing_listens(bench: Bench) -> None:
    with StatusServer(HOST, 0, {}, bench.account.services.queue_metrics) as server:
        assert server._server is None
