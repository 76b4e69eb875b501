"""The benchmarks of storage calls, scale, load and memory, as small as they can be.

They share a stack, which takes seconds to start: two workers of one engine each, and storage's access log.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import burst, flat, idle, interactive, scale, storage_calls
from benchmarks.burst import NO_LIMIT
from benchmarks.judged import Judged
from benchmarks.service_times import ONE_ENGINE
from benchmarks.site import Site, running_site
from infra.local.stack import REPOSITORY
from service.engine.installed import Engine


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(NO_LIMIT | ONE_ENGINE, workers=2, access_log=True) as running:
        yield running


def say(_: str) -> None:
    """No request waits."""


def value(figures: list[Judged], what: str, unit: str | None = None) -> float:
    [found] = [figure.value for figure in figures if figure.what == what and unit in (None, figure.unit)]
    assert found is not None
    return found


def test_storage_calls_are_counted_by_job_and_at_rest(site: Site, tmp_path: Path) -> None:
    one, several, clip, rest = storage_calls.count_all(site, tmp_path, 3, 1, 1.0, say)
    assert (one.jobs, several.jobs, clip.jobs) == (1, 3, 1)
    for each in (one, several, clip):
        calls = each.by_job
        # The least that any job needs: its message and record come and go, its media is read.
        assert (calls["put message"], calls["insert entity"]) == (1, 1)
        assert calls["delete message"] >= 1 and calls["get blob"] >= 1 and calls["put blob"] >= 2
        assert each.total == pytest.approx(sum(calls.values()))
        assert each.blob_writes >= 2
        # None of the benchmark's own: its uploads were before, and no results were requested.
        assert "container" not in calls and "query entities" not in calls
    # The two workers look into the queue, and do nothing else.
    assert set(rest.by_job) == {"get messages"}
    assert 40 < rest.total < 1200
    figures = storage_calls.figures_of([one, several, clip, rest])
    assert value(figures, "blobs written for one photo") == one.by_job["put blob"]


def test_each_case_is_run_by_one_and_by_two_workers(site: Site, tmp_path: Path) -> None:
    engine = Engine.find(REPOSITORY / "openface_lite" / "bin")
    cases = scale.cases_of(engine, tmp_path, 4, 2, clip_s=1)
    runs = scale.measured(site, cases, 1, say)
    assert [(run.case, run.workers) for run in runs] == [("photos", 1), ("photos", 2), ("clips", 1), ("clips", 2)]
    for case, (one, two) in zip(cases, (runs[:2], runs[2:]), strict=True):
        assert one.jobs_by_worker == {"worker-0": len(case.files)}
        assert sum(two.jobs_by_worker.values()) == len(case.files)
        assert set(two.jobs_by_worker) <= {"worker-0", "worker-1"}
        figures = scale.figures_of(case, runs)
        assert value(figures, f"{case.name}: speed-up by a second worker") == one.seconds / two.seconds
        assert value(figures, f"{case.name}: the same of bare commands") == one.bare_s / two.bare_s
        assert value(figures, f"{case.name}: one worker", "jobs a second") == len(case.files) / one.seconds


def test_each_interactive_route_is_loaded_in_both_loops(site: Site, tmp_path: Path) -> None:
    loads = interactive.measured(site, interactive.detect_picture(tmp_path / "face.jpg"), 5, 30.0, 0.3, say)
    figures = interactive.figures_of(loads, 30.0)
    for route in ("/api/detect", "/api/analyse-image"):
        of_route = [load for load in loads if load["path"].startswith(route)]
        closed = [("closed", connections, 5) for connections in (1, 2, 4, 8)]
        assert [(load["loop"], load["connections"], load["requests"]) for load in of_route] == [
            *closed,
            ("open", 16, 9),
        ]
        for load in of_route:
            assert load["answered"] == load["statuses"]["200"] > 0
            assert load["p50_ms"] <= load["p95_ms"] <= load["p99_ms"] <= load["max_ms"]
        most = max(load["a_second"] for load in of_route if load["loop"] == "closed")
        assert value(figures, f"{route}, the most of the closed loops") == most
    assert value(figures, "/api/detect, 30 a second offered, p99", "ms") == loads[4]["p99_ms"]


def test_memory_is_told_by_process(site: Site, tmp_path: Path) -> None:
    web, worker = flat.measured(site, tmp_path, 60, 4, say)
    roles = [each["process"].rsplit(" ", 1)[0] for each in web.as_dict()]
    assert roles[0] == "service web, the first" and roles.count("service web") == 2
    assert "service.engine.lite.child" in roles
    assert worker.as_dict()[0]["process"] == "service, the first 1"
    assert not any("engine" in each["process"] for each in worker.as_dict())
    assert all(20 < each["most_mb"] < 1000 for each in (*web.as_dict(), *worker.as_dict()))
    figures = flat.figures_of(web, worker)
    assert value(figures, "worker") == worker.as_dict()[0]["most_mb"]
    assert value(figures, "worker") <= value(figures, "worker and its children beside the engine, added up") < 1000


def test_a_burst_is_answered_and_measured(site: Site) -> None:
    """The last one: as in the benchmark no worker runs, and these pictures are none."""
    for worker in site.workers:
        worker.stop()
    told = burst.send_burst(site, 20, 4) | burst.send_container(site, 20)
    assert told["statuses"] == {"202": 20}
    assert told["a_second"] == pytest.approx(20 / told["seconds"])
    assert 0 < told["p50_ms"] <= told["p99_ms"] <= told["max_ms"]
    assert told["web_cpu_ms"] > 0 and told["storage_cpu_ms"] > 0
    slower = told | {"a_second": told["a_second"] / 2, "p99_ms": told["p99_ms"] * 2, "answered": 19}
    figures = burst.figures_of([told, slower])
    assert value(figures, "not accepted") == 1
    assert value(figures, "accepted, the slowest burst") == told["a_second"] / 2
    assert value(figures, "p99, the slowest burst") == told["p99_ms"] * 2


def test_each_part_of_a_stack_at_rest_has_its_processor_time() -> None:
    found = idle.measure_idle(3, rest_s=2.0, settle_s=0.0)
    assert found.together == found.web + found.worker + found.runner
    assert 0 < found.together < 200 and found.storage > 0
    assert value(idle.figures_of([found]), "web, worker and function runner, 3 blobs") == found.together
