"""`jobs`: the records as an operator sees and orders them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from service.jobs.job import AnalysisJob
from service.jobs.record import now
from tests.fixtures.media_made import jpeg
from tests.integration.cli.conftest import TRACE, CommandLine, Office
from tests.integration.worker.conftest import Bench

HOSTILE = "[red]x[/]\x1b[31m\u202e.jpg"


def _end(office: Office, job_id: str) -> None:
    table = office.account.services.table
    table.update(table.get(job_id).cancelled(now()))


def test_lists_newest_first_and_by_container_and_state(command_line: CommandLine, office: Office) -> None:
    first, second = office.submit("1.jpg"), office.submit("2.jpg")
    _end(office, first.job_id)
    assert [job["id"] for job in command_line.json("jobs", "list")] == [second.job_id, first.job_id]
    container = office.account.container
    assert [job["blob"] for job in command_line.json("jobs", "list", "--container", container, "--limit", "1")] == [
        "2.jpg"
    ]
    assert [job["blob"] for job in command_line.json("jobs", "list", "--state", "cancelled")] == ["1.jpg"]
    assert command_line.json("jobs", "list", "--container", "another") == []


def test_a_list_is_aligned_and_steers_no_terminal(command_line: CommandLine, office: Office) -> None:
    job = office.submit(HOSTILE)
    heading, line = command_line("jobs", "list").stdout.splitlines()
    assert line.startswith(f"{job.job_id}  queued")
    assert line.endswith("/[red]x[/]\\x1b[31m\\u202e.jpg")
    assert heading.index("UPLOAD") == line.index(office.account.container)


def test_shows_where_the_results_are_and_how_long_it_took(command_line: CommandLine, bench: Bench) -> None:
    job = bench.submit("a.jpg", jpeg())
    with bench.worker():
        bench.finished(job)
    told = command_line("jobs", "show", job.job_id[:6]).stdout
    attempt = bench.record(job).attempt_published
    folder = f"{bench.account.settings.results_container}/{job.container}/a.jpg/{job.job_id}"
    assert f"{folder}/a.csv" in told
    assert f"{folder}/{attempt}/manifest.json" in told
    assert re.search(r"seconds .*engine \d", told)
    assert "complete" in told
    [shown] = command_line.json("jobs", "show", job.job_id)
    assert shown["state"] == "succeeded"
    assert shown["results"]["manifest"].endswith(f"{attempt}/manifest.json")
    assert shown["manifest"]["seconds"]["total"] > 0


def test_shows_why_a_job_failed(command_line: CommandLine, bench: Bench) -> None:
    job = bench.submit("a.jpg", b"bad")
    with bench.worker():
        bench.finished(job)
    told = command_line("jobs", "show", job.job_id).stdout
    assert "(unreadable_media)" in told
    assert "/manifest.json" in told
    assert ".csv" not in told


def test_reruns_and_cancels_and_tells_what_it_cannot(command_line: CommandLine, office: Office) -> None:
    job, other = office.submit("1.jpg"), office.submit("2.jpg")
    done = command_line("jobs", "cancel", job.job_id, "0" * 32, other.job_id[:10])
    assert done.exit_code == 1
    assert f"{job.job_id} cancelled (generation 0)" in done.stdout
    assert f"{other.job_id} cancelled (generation 0)" in done.stdout
    assert f"{'0' * 32}: there is no job" in done.stderr
    done = command_line("jobs", "rerun", job.job_id)
    assert done.exit_code == 0
    again = replace(job, generation=1)
    assert f"{again.job_id} queued (generation 1)" in done.stdout
    refused = command_line.json("jobs", "rerun", again.job_id)
    assert refused[0]["error"]["code"] == "not_finished"


@pytest.mark.parametrize(
    ("id_", "says"), [("0" * 8, "no job begins"), ("0" * 5, "32 hex digits"), ("x" * 32, "32 hex digits")]
)
def test_an_id_of_nothing_is_told(command_line: CommandLine, id_: str, says: str) -> None:
    done = command_line("jobs", "show", id_)
    assert done.exit_code == 1
    assert says in done.stderr


def test_a_beginning_of_several_jobs_is_refused(command_line: CommandLine, office: Office) -> None:
    # Found by trying: two jobs whose ids begin with the same six digits; 20,000 ids hold about twelve such pairs.
    by_start: dict[str, AnalysisJob] = {}
    for number in range(20_000):
        job = office.job(etag=f"{number}")
        twin = by_start.setdefault(job.job_id[:6], job)
        if twin is not job:
            break
    for one in (job, twin):
        office.account.services.submitter.submit(one, TRACE)
    done = command_line("jobs", "show", job.job_id[:6])
    assert done.exit_code == 1
    assert "several jobs" in done.stderr
    assert command_line("jobs", "show", job.job_id[:20].upper()).exit_code == 0


def test_without_storage_it_is_a_mistake_in_the_settings() -> None:
    done = CommandLine({})("jobs", "list")
    assert done.exit_code == 2
    assert "AZURE_STORAGE_CONNECTION_STRING" in done.stderr


def test_json_of_jobs_loads_no_web_framework(command_line: CommandLine, office: Office) -> None:
    job = office.submit("1.jpg")
    command = [sys.executable, "-X", "importtime", "-m", "service", "jobs", "list", "--json"]
    done = subprocess.run(command, env=os.environ | command_line.environ, capture_output=True, text=True, check=True)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [job.job_id]
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "service.jobs.job_facts" in loaded
    assert not {name for name in loaded if name.split(".")[0] in {"flask", "flask_openapi3", "werkzeug"}}
