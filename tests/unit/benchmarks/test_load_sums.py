"""What the load benchmarks compute, on known input: operations, answers, growth, arrivals, the model, the page."""

from __future__ import annotations

import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import report
from benchmarks.arrivals import DAY_S, PATTERNS, day_of
from benchmarks.bill import (
    GIB,
    SidePrices,
    SideShape,
    busiest_second,
    first_limit,
    limits,
    side_costs,
    workers_for_bytes,
)
from benchmarks.flat import growth
from benchmarks.judged import in_digits
from benchmarks.load import Answered, Answers, Ask, Load, run
from benchmarks.queue_model import Job, Model, Outcome, Rule
from benchmarks.service_times import DEFAULT_FILE, ServiceTimes
from benchmarks.simulate import Prices, Shape, _cost
from benchmarks.simulate import main as simulate
from benchmarks.told import write_json
from benchmarks.wire import operation
from service.worker.receiver import IDLE_LONGEST_S

ROOT = "/devstoreaccount1"


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/analysis-jobs/messages?numofmessages=32&visibilitytimeout=60", "get messages"),
        ("GET", "/analysis-jobs/messages?numofmessages=1&peekonly=true", "peek messages"),
        ("POST", "/analysis-jobs/messages?messagettl=-1", "put message"),
        ("PUT", "/analysis-jobs/messages/b29a?popreceipt=x&visibilitytimeout=60", "update message"),
        ("DELETE", "/analysis-jobs-poison/messages/b29a?popreceipt=x", "delete message"),
        ("GET", "/analysis-jobs?comp=metadata", "queue properties"),
        ("POST", "/analysisjobs", "insert entity"),
        ("GET", "/analysisjobs(PartitionKey='a',RowKey='b')", "get entity"),
        ("GET", "/analysisjobs()?$top=1&$filter=PartitionKey%20eq%20%27none%27", "query entities"),
        ("PUT", "/analysisjobs(PartitionKey='a',RowKey='b')", "update entity"),
        ("PATCH", "/analysisjobs(PartitionKey='a',RowKey='b')", "merge entity"),
        ("POST", "/$batch", "entity batch"),
        ("POST", "/Tables", "tables"),
        ("GET", "/photos?restype=container&comp=list&maxresults=1000", "list blobs"),
        ("PUT", "/photos?restype=container", "container"),
        ("PUT", "/photos/analysis-jobs/messages", "put blob"),
        ("GET", "/photos/a.jpg", "get blob"),
        ("HEAD", "/photos/a.jpg", "get blob properties"),
        ("PUT", "/photos/a.jpg?comp=block&blockid=x", "put block"),
        ("PUT", "/photos/a.jpg?comp=blocklist", "put block list"),
        ("DELETE", "/photos/a.jpg", "delete blob"),
    ],
)
def test_requests_are_counted_by_operation(method: str, target: str, name: str) -> None:
    assert operation(method, f"{ROOT}{target}") == name


def test_answers_are_counted_and_a_fast_refusal_is_no_success() -> None:
    """A hundred good ones of 1 to 100 ms, one every 10 ms, and a refusal that is no success however fast."""
    good = [Answered(202, number / 100, (number + 1) / 1000) for number in range(100)]
    told = Answers([*good, Answered(503, 1.5, 0.5)]).as_dict(202)
    assert (told["requests"], told["answered"], told["statuses"]) == (101, 100, {"202": 100, "503": 1})
    assert (told["seconds"], told["a_second"]) == (2.0, 50)
    assert (told["p50_ms"], told["max_ms"]) == (pytest.approx(50.5), pytest.approx(100))
    assert told["p99_ms"] == pytest.approx(99.01)
    assert Answers([Answered(503, 0, 1)]).as_dict(202)["p99_ms"] is None


@pytest.mark.parametrize(("rate", "least_s", "most_s"), [(None, 0.4, 5), (10.0, 0.9, 5)])
def test_the_load_generator_keeps_its_connections_or_its_rate(
    tmp_path: Path, rate: float | None, least_s: float, most_s: float
) -> None:
    """Four connections, ten requests of 0.1 s; in a closed loop three after another, in an open one at their times."""
    seen: list[tuple[str, str, bytes, str]] = []
    body = tmp_path / "body.jpg"
    body.write_bytes(b"picture")

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
            seen.append((self.path, str(self.headers["Content-Type"]), sent, f"{self.client_address}"))
            threading.Event().wait(0.1)
            self.send_response(404 if self.path.endswith("3") else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asks = [Ask("POST", f"/?q={number}", str(body)) for number in range(10)]
        answers = run(Load(f"http://127.0.0.1:{server.server_port}", asks, 4, rate), 30)
        server.shutdown()
    assert sorted(path for path, *_ in seen) == sorted(ask.path for ask in asks)
    assert {(kind, sent) for _, kind, sent, _ in seen} == {("image/jpeg", b"picture")}
    # Connections are kept.
    assert len({address for *_, address in seen}) <= 4
    told = answers.as_dict(200)
    assert told["statuses"] == {"200": 9, "404": 1}
    assert told["p50_ms"] >= 100
    assert least_s - 0.2 < told["seconds"] < most_s
    if rate:
        assert [round(answer.began * rate) for answer in sorted(answers.answers, key=lambda a: a.began)] == list(
            range(10)
        )


def test_growth_is_by_time_and_not_by_number_of_samples() -> None:
    """By time and not by number: many samples at the end do not weigh more."""
    steady = {float(at): 100 for at in range(100)}
    assert growth(steady) == 1
    assert growth({at: 100 + int(at) for at in steady}) == pytest.approx(np.mean(range(175, 200)) / 137, rel=0.01)
    # The first quarter is for warming up.
    assert growth({at: 10 if at < 25 else 100 for at in steady}) == 1
    assert growth({0.0: 1, 1.0: 2}) is None


@pytest.mark.parametrize("pattern", PATTERNS)
def test_arrivals_follow_their_pattern(pattern: str) -> None:
    at = day_of(pattern, 20_000, seed=3)  # type: ignore[arg-type]
    assert len(at) == 20_000 and (np.diff(at) >= 0).all() and at[0] >= 0 and at[-1] <= DAY_S
    around_noon = ((at > 0.375 * DAY_S) & (at < 0.625 * DAY_S)).mean()
    # Of the wave: a quarter of the day, plus sin(pi/4)/pi from integrating its density.
    expected = {"steady": 0.25, "wave": 0.25 + math.sin(math.pi / 4) / math.pi, "bursts": 0.25}
    assert around_noon == pytest.approx(expected[pattern], abs=0.02)
    if pattern == "bursts":
        assert len(np.unique(np.floor(at / 60))) == 8


def times_of(**given: float) -> ServiceTimes:
    none = dict.fromkeys(ServiceTimes.__dataclass_fields__, 0.0)
    return ServiceTimes(**{**none, **given, "measured": {}})  # type: ignore[arg-type]


ONE = Rule(least=1, most=1)


def test_one_job_waits_for_a_look_its_engine_and_what_is_beside_it() -> None:
    times = times_of(photo_start_s=5, photo_each_s=1, beside_s=2, video_start_s=10, video_each_s=3)
    assert Model(times, ONE, engines=1, batch=4).run([Job(100.0)]).latencies[0] == pytest.approx(8, abs=IDLE_LONGEST_S)
    [video] = Model(times, ONE, engines=1, batch=4).run([Job(100.0, 20.0)]).latencies
    assert video == pytest.approx(10 + 60 + 2, abs=IDLE_LONGEST_S)


def test_pictures_that_wait_go_together_and_are_told_one_by_one() -> None:
    times = times_of(photo_start_s=100, photo_each_s=10)
    outcome = Model(times, ONE, engines=1, batch=4).run([Job(0.0)] * 9)
    # Those of a batch end 10 s apart, and each batch of four (then one) pays for its start.
    expected = [110, 120, 130, 140, 250, 260, 270, 280, 390]
    assert outcome.latencies == pytest.approx(expected, abs=IDLE_LONGEST_S)
    two = Model(times, ONE, engines=2, batch=8).run([Job(0.0)] * 8)
    assert sorted(two.latencies) == pytest.approx([110, 110, 120, 120, 130, 130, 140, 140], abs=IDLE_LONGEST_S)
    assert two.busy_s == pytest.approx(280)


def test_the_mean_wait_is_the_one_of_theory() -> None:
    """Pollaczek and Khinchine: one server, random arrivals, service of 1000 s, load 0.7: 1000 x 0.7 / (2 x 0.3)."""
    gaps = np.random.default_rng(5).exponential(1000 / 0.7, 20_000)
    model = Model(times_of(photo_each_s=1000), ONE, engines=1, batch=1)
    outcome = model.run([Job(float(at)) for at in np.cumsum(gaps)])
    assert np.mean(outcome.latencies) == pytest.approx(1000 + 1000 * 0.7 / 0.6, rel=0.05)
    assert outcome.busy_s / outcome.ended == pytest.approx(0.7, rel=0.02)


def test_workers_come_with_the_queue_and_leave_after_it() -> None:
    rule = Rule(messages_each=10, poll_s=30, leave_after_s=60, least=0, most=4, cold_start_s=20)
    model = Model(times_of(photo_each_s=1), rule, engines=1, batch=4)
    outcome = model.run([Job(0.0)] * 35 + [Job(5000.0)], until_s=10_000)
    # 35 messages are four workers' worth; the first answer comes after a look of the scaler and a cold start.
    assert (outcome.most_workers, outcome.most_waiting) == (4, 35)
    assert 20 < min(outcome.latencies) < 30 + 20 + 1 + IDLE_LONGEST_S
    assert 20 < outcome.latencies[-1] < 30 + 20 + 1 + IDLE_LONGEST_S
    # No worker ran in between: four lives and one, of a cold start, some work and a minute.
    assert outcome.worker_s == pytest.approx(5 * 80 + 36, abs=5 * IDLE_LONGEST_S)
    capped = Model(times_of(photo_each_s=1), Rule(most=2), engines=1, batch=4).run([Job(0.0)] * 100)
    assert capped.most_workers == 2


def test_every_job_ends_whatever_the_rule() -> None:
    """Workers that leave as jobs come: none is forgotten."""
    at = np.cumsum(np.random.default_rng(7).exponential(60, 1500))
    rule = Rule(messages_each=1, poll_s=5, leave_after_s=20, most=3, cold_start_s=1)
    jobs = [Job(float(moment), 5.0 if number % 3 else 0.0) for number, moment in enumerate(at)]
    outcome = Model(ServiceTimes.load(DEFAULT_FILE), rule, engines=2, batch=4).run(jobs)
    assert len(outcome.latencies) == 1500 and min(outcome.latencies) > 0


def test_cost_is_that_of_workers_and_of_storage_calls() -> None:
    """Ten photos, ten worker seconds of which one engine of two was busy for four."""
    outcome = Outcome(latencies=[1.0] * 10, worker_s=10, busy_s=4)
    times = times_of(photo_calls=12, photo_blob_writes=2, rest_calls_a_minute=60)
    cost = _cost(outcome, times, Shape(2, 2, 4), Prices(0.5, 0.25, 10_000, 1_000), videos=0)
    assert cost["cost_workers"] == 10 * (2 * 0.5 + 4 * 0.25)
    assert cost["cost_storage"] == pytest.approx(20 * 1 + (100 + 8) * 0.1)


def test_a_day_beside_workers_is_paid_by_jobs_bytes_and_hours() -> None:
    shape = SideShape(web_vcpu=0.5, web_gib=1, function_s=0.1, function_gib=0.5, log_bytes=GIB / 100)
    costs = side_costs(100, 86_400, shape, SidePrices(3.0, 1e6, 20.0, 2e6), vcpu_s=0.01, gib_s=0.001)
    # Two deliveries and executions a job: one for its upload, one for its result.
    assert costs == pytest.approx(
        {"cost_logs": 3.0, "cost_functions": 200 * (1 + 1), "cost_event_grid": 400, "cost_web": 86_400 * 0.006}
    )


def test_the_nearest_limit_is_that_of_the_busiest_second() -> None:
    assert busiest_second(np.array([0.1, 5.0, 5.2, 5.9, 6.0])) == 3
    near = limits(arrivals_a_second=1000, done_a_second=100, calls_a_job=10, vcpus=20)
    assert first_limit(near) == "messages a second of the queue: 55% of 2,000"
    assert [round(limit.share, 3) for limit in near] == [0.55, 0.5, 0.275, 0.2]
    assert workers_for_bytes(86_400e6, 1e6, 2.0, engines=2) == pytest.approx(1.0)


def test_simulate_with_the_committed_times(tmp_path: Path) -> None:
    file = tmp_path / "simulate.json"
    done = CliRunner().invoke(simulate, ["--jobs", "200", "--jobs", "2000", "--videos", "0.1", "--json", str(file)])
    assert done.exit_code == 0, done.output
    told = json.loads(file.read_text())
    assert [(day["pattern"], day["jobs"]) for day in told["days"]] == [(p, n) for p in PATTERNS for n in (200, 2000)]
    for day in told["days"]:
        assert 0 < day["p50_s"] <= day["p95_s"] <= day["p99_s"]
        assert 0 < day["busy"] <= 1 and 1 <= day["most_workers"] <= 10
        assert day["cost_of_1000_jobs"] > 0
    assert {"date", "cpus", "engine"} <= told["times"]["measured"].keys()
    assert "## A day of jobs, simulated" in report.page({"simulate": told})


def test_the_page_shows_each_figure_beside_its_aim(tmp_path: Path) -> None:
    facts = {"cpus": 2, "system": "Linux x", "python": "3", "date": "2026-01-01", "load_1_min": 0.1}
    aim = {"at_most": 1.3, "at_least": None}
    fast = {"what": "a|b", "unit": "times", "value": 1.24, "aim": aim, "verdict": "met"}
    slow = {"what": "c", "unit": "ms", "value": None, "aim": aim, "verdict": "not measured"}
    plain = {"what": "d", "unit": "s", "value": 1234.5, "aim": None, "verdict": None}
    file = tmp_path / "scale.json"
    write_json(file, {"machine": facts, "figures": [fast, slow, plain]})
    told = json.loads(file.read_text())["machine"]
    assert told["stolen"] is None or 0 <= told["stolen"] < 1
    assert all(ms > 0 for ms in told["sum_ms"]) and len(told["sum_ms"]) == 1
    now = facts | {"stolen": 0.21, "sum_ms": [30.4, 60.6]}
    file.write_text(json.dumps({"machine": now, "figures": [fast, slow, plain]}))
    photos = {
        "machine": facts,
        "photos": 200,
        "ratio_to_bare": 1.4,
        "seconds": {"bare": 2.0},
        "cpu_ms_a_photo": {"web": 8.0},
    }
    (tmp_path / "photos.json").write_text(json.dumps(photos))
    out = tmp_path / "BENCHMARKS.md"
    done = CliRunner().invoke(report.main, [str(tmp_path), "--out", str(out)])
    assert done.exit_code == 0, done.output
    text = out.read_text()
    assert "| A second worker | a\\|b | 1.24 times | ≤ 1.3 | met |" in text
    assert ", a fixed sum took 30 and 61 ms, processor time taken by the host's other guests 21%\n" in text
    assert "| c | - | ms | ≤ 1.3 | not measured |" in text
    assert f"| d | {in_digits(1234.5)} | s |  |  |" in text
    assert "| pipeline to one bare process, of 200 photos | 1.4 times | ≤ 1 | missed |" in text
    assert "## Not run" in text and "`burst`" in text and "`scale`" not in text.split("## Not run")[1]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert CliRunner().invoke(report.main, [str(empty)]).exit_code == 1
