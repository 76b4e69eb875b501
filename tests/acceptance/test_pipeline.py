"""From an upload to the next stage's call, with processes killed, stopped and repeated on the way."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from infra.local.demo_media import make_clip
from tests.acceptance.conftest import Site
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import jpeg

pytestmark = pytest.mark.xdist_group("site")

WORKER_EVENTS = ["job.received", "job.started", "job.step", "job.published", "job.succeeded"]


def _assert_one_whole_result(site: Site, container: str, columns: int) -> dict:
    """Exactly one CSV, which is the manifest's."""
    results = site.results(container)
    [csv_name] = [name for name in results if name.endswith(".csv")]
    job = site.job(container)
    assert job["state"] == "succeeded"
    assert job["id"] in csv_name
    manifest = requests.get(site.stack.service_url + job["links"]["manifest"], timeout=10).json()
    csv = results[csv_name]
    assert hashlib.sha256(csv).hexdigest() == manifest["csv"]["sha256"]
    assert csv.count(b"\n") == manifest["csv"]["rows"] + 1
    assert len(csv.split(b"\n", 1)[0].split(b",")) == columns == manifest["csv"]["columns"]
    assert manifest["completeness"] == {"verdict": "complete", "reason": None}
    return manifest


def test_twelve_at_once_each_traceable_from_event_to_csv(site: Site) -> None:
    with ThreadPoolExecutor(10) as pool:
        # Each another picture, though all of one face: a trailing comment changes nothing but the bytes.
        portrait = ASTRONAUT.read_bytes()
        contents = [("face.png", portrait + b"%d" % n) if n % 2 else ("empty.jpg", jpeg(n * 10)) for n in range(12)]
        containers = list(pool.map(lambda content: site.upload(*content), contents))
    for container in containers:
        site.finished(container, within_s=120)
    ids = {container: site.job(container)["id"] for container in containers}
    assert len(set(ids.values())) == 12
    for container in containers:
        manifest = _assert_one_whole_result(site, container, 711)
        assert manifest["faces"] == (1 if manifest["job"]["blob"] == "face.png" else 0)
    site.until(lambda: {told.headers["idempotency-key"] for told in site.receiver.requests} >= set(ids.values()))
    _assert_traceable(site, ids)


def _assert_traceable(site: Site, ids: dict[str, str]) -> None:
    """Every line that a part wrote about these uploads has the job's id, in every part."""
    worker_lines = [line for number in (0, 1) for line in site.log_lines(f"worker-{number}")]
    for container, job_id in ids.items():
        # In the function app and the web server, from event to submission, and at the end the next stage's call.
        functions = [line for line in site.log_lines("functions") if job_id in json.dumps(line)]
        assert len(functions) >= 2, "the submission and the call of the next stage"
        web = [line for line in site.log_lines("web") if line.get("job_id") == job_id]
        assert [line["event"] for line in web][:1] == ["job.submitted"]
        mine = [line for line in worker_lines if line.get("container") == container]
        assert mine
        assert {line["job_id"] for line in mine} == {job_id}
        assert {line["trace_id"] for line in mine} == {web[0]["trace_id"]}
        assert [event for event in WORKER_EVENTS if event not in {line["event"] for line in mine}] == []
    about_jobs = [line for line in worker_lines if line["event"].startswith(("job.", "lease."))]
    assert all(line.get("job_id") for line in about_jobs)


def test_the_same_event_ten_times_is_one_result(site: Site) -> None:
    container = site.upload("face.png", ASTRONAUT.read_bytes())
    url = f"{site.stack.functions_url}/api/analyse/image/wild/{container}"
    headers = {"x-functions-key": site.stack.function_key}
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda _: requests.post(url, params={"blob": "face.png"}, headers=headers, timeout=30), range(10))
        )
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["jobs"][0]["id"] for answer in answers}) == 1
    site.finished(container)
    _assert_one_whole_result(site, container, 711)
    # Repeated messages are hidden while the job is held, at most for a lease; none of them may begin it anew.
    _until_queue_is_empty(site)
    assert site.job(container)["attempts"] == 1
    assert len([name for name in site.results(container) if name.endswith("manifest.json")]) == 1


def test_progress_moves_for_a_long_clip(site: Site, moving_face: Callable[[int], bytes]) -> None:
    container = site.upload("long.mp4", moving_face(2))
    site.job(container)
    seen: list[float] = []
    stages: set[str] = set()
    while not (job := site.job(container))["times"]["finished"]:
        seen.append(job["progress"])
        stages.add(job["stage"])
        time.sleep(0.2)
    assert seen == sorted(seen)
    assert len({value for value in seen if 0.2 < value < 0.95}) >= 2
    assert "engine" in stages
    manifest = _assert_one_whole_result(site, container, 714)
    assert manifest["frames"]["expected"] == manifest["frames"]["written"] == 240


def test_events_follow_a_job(site: Site, tmp_path: Path) -> None:
    make_clip(ASTRONAUT, tmp_path / "short.mp4", frames=30)
    container = site.upload("clip.mp4", (tmp_path / "short.mp4").read_bytes())
    job = site.job(container)
    events: list[tuple[str, dict]] = []
    with requests.get(site.stack.service_url + job["links"]["events"], stream=True, timeout=60) as stream:
        event = ""
        for line in stream.iter_lines(decode_unicode=True):
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                events.append((event, json.loads(line[6:])))
    assert [name for name, _ in events][-2:] == ["job", "end"]
    assert events[-1][1]["state"] == "succeeded"


def test_a_worker_killed_in_mid_analysis_and_started_again(site: Site, moving_face: Callable[[int], bytes]) -> None:
    container = site.upload("clip.mp4", moving_face(1))
    holder = _holder_in_mid_analysis(site, container)
    site.stack.worker(holder).kill()
    site.stack.worker(holder).start()
    job = site.finished(container, within_s=90)
    assert job["attempts"] == 2
    manifest = _assert_one_whole_result(site, container, 714)
    assert manifest["attempt"]["number"] == 2
    _until_queue_is_empty(site)
    # What the dead worker had on disk is gone as well.
    workspace = site.stack.run_folder / f"workspace-{holder}"
    assert len(list(workspace.glob("worker-*"))) == 1


def test_a_worker_told_to_stop_hands_on_or_finishes(site: Site, moving_face: Callable[[int], bytes]) -> None:
    container = site.upload("clip.mp4", moving_face(1))
    holder = _holder_in_mid_analysis(site, container)
    stopping = threading.Thread(target=site.stack.worker(holder).stop)
    stopping.start()
    job = site.finished(container)
    stopping.join()
    site.stack.worker(holder).start()
    assert job["attempts"] == 1
    _assert_one_whole_result(site, container, 714)
    assert "worker.stopped" in [line["event"] for line in site.log_lines(f"worker-{holder}")]


def test_failures_say_why_and_the_rest_goes_on(site: Site) -> None:
    bad, good = site.upload("bad.jpg", b"not a picture"), site.upload("good.jpg", jpeg())
    assert site.finished(good)["state"] == "succeeded"
    job = site.finished(bad)
    assert (job["state"], job["error"]["code"]) == ("failed", "unreadable_media")
    manifest = requests.get(site.stack.service_url + job["links"]["manifest"], timeout=10).json()
    assert manifest["error"]["code"] == "unreadable_media"
    assert not [name for name in site.results(bad) if name.endswith(".csv")]


def test_no_part_logged_an_error_that_no_test_asked_for(site: Site) -> None:
    site.stack.check()
    lines = [line for part in ("web", "worker-0", "worker-1") for line in site.log_lines(part)]
    errors = Counter(line["event"] for line in lines if line["level"] in {"error", "critical"})
    assert errors.keys() <= {"job.failed"}


def _holder_in_mid_analysis(site: Site, container: str) -> int:
    """The number of the worker whose engine is at work on the container's job."""
    site.until(lambda: site.job(container)["stage"] == "engine" and site.job(container)["progress"] > 0.22)
    for number in (0, 1):
        lines = [line for line in site.log_lines(f"worker-{number}") if line.get("container") == container]
        if "job.started" in [line["event"] for line in lines]:
            return number
    pytest.fail("no worker has begun it")


def _until_queue_is_empty(site: Site) -> None:
    from azure.storage.queue import QueueClient

    with QueueClient.from_connection_string(site.stack.connection_string, "analysis-jobs") as queue:
        site.until(lambda: queue.get_queue_properties().approximate_message_count == 0)
