"""`poison`: looked at without harm, replayed, dropped."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from service.errors import BadRequest, StorageUnavailable
from service.jobs.job import AnalysisJob
from service.jobs.poison import PoisonQueue, pick
from service.jobs.record import JobRecord, now
from service.jobs.submit import JobSubmitter
from tests.fixtures.media_made import jpeg
from tests.integration.cli.conftest import TRACE, CommandLine, Office
from tests.integration.worker.conftest import Bench

REPOSITORY = Path(__file__).parents[3]
NONSENSE = "[red]x[/] \x9b31m\u202e \ttab\nline " + "long " * 40


def test_a_failed_job_is_replayed_as_its_next_generation(command_line: CommandLine, bench: Bench) -> None:
    job = bench.submit("a.jpg", jpeg())
    with bench.worker("legacy_431", max_attempts=1):
        assert bench.finished(job).state == "failed"
        bench.settled()
    [listed] = command_line.json("poison", "list")
    assert (listed["job_id"], listed["state"]) == (job.job_id, "failed")
    assert abs((now() - datetime.fromisoformat(listed["since"])).total_seconds()) < 60
    done = command_line("poison", "replay", job.job_id[:8])
    again = replace(job, generation=1)
    assert done.exit_code == 0, done.stderr
    assert f"{again.job_id} queued (generation 1)" in done.stdout
    assert command_line.json("poison", "list") == []
    with bench.worker():
        assert bench.finished(again).state == "succeeded"
        bench.settled()
    assert bench.record(job).state == "failed"


def test_more_than_one_batch_is_seen_and_left_as_it_was(command_line: CommandLine, office: Office) -> None:
    office.set_aside(*(f"no job {number}" for number in range(40)))
    for _ in range(2):
        listed = command_line.json("poison", "list")
        assert sorted(one["text"] for one in listed) == sorted(f"no job {number}" for number in range(40))
    assert len(office.account.services.queue.poisoned()) == 32
    done = command_line("poison", "drop", "--all", "--yes")
    assert done.stdout.count(": dropped\n") == 40
    assert command_line.json("poison", "list") == []


def test_nonsense_is_shown_safely_and_never_changed(command_line: CommandLine, office: Office) -> None:
    office.set_aside(NONSENSE)
    heading, line = command_line("poison", "list").stdout.splitlines()
    assert "no job" in line
    assert "[red]x[/] \\x9b31m\\u202e \\ttab\\nline long" in line
    assert line.endswith("…")
    assert heading.index("WHAT") == line.index("[red]")
    [listed] = command_line.json("poison", "list")
    shown = command_line("poison", "show", listed["id"]).stdout
    assert "long " * 39 + "long" in shown
    assert "the message is not a job" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)
    done = command_line("poison", "replay", "--all")
    assert done.exit_code == 1
    assert "only a job can be replayed" in done.stderr
    assert office.texts() == [NONSENSE]
    assert listed["text"] == NONSENSE


def test_a_job_without_a_record_is_submitted(command_line: CommandLine, office: Office) -> None:
    job = office.job("ü\u202e.jpg")
    office.set_aside(office.message(job))
    [listed] = command_line("poison", "list").stdout.splitlines()[1:]
    assert "no record" in listed and "ü\\u202e.jpg" in listed
    assert command_line("poison", "replay", "--all").exit_code == 0
    assert office.account.services.table.get(job.job_id).traceparent == TRACE
    assert office.account.services.queue.length() == 1
    assert office.texts() == []


@pytest.mark.parametrize("running", [False, True])
def test_a_job_that_is_not_finished_gets_its_message_back(
    command_line: CommandLine, office: Office, running: bool
) -> None:
    job = office.submit()
    own = office.account.services
    message = own.queue.receive(30)
    assert message
    own.queue.delete(message)
    if running:
        own.table.update(own.table.get(job.job_id).claimed("someone", "a1", 60, now()))
    office.set_aside(office.message(job))
    assert command_line("poison", "replay", job.job_id).exit_code == 0
    assert own.queue.length() == 1
    assert own.table.get(job.job_id).state == ("running" if running else "queued")


def test_dropping_leaves_the_record_and_all_others(command_line: CommandLine, office: Office) -> None:
    job = office.submit()
    office.set_aside(office.message(job), office.message(job), "no job")
    done = command_line("poison", "drop", job.job_id, "nothing", "--yes")
    assert done.exit_code == 1
    # One line a job, however often its message is there.
    assert done.stdout.count("dropped") == 1
    assert "nothing: no message" in done.stderr
    assert office.texts() == ["no job"]
    assert office.account.services.table.get(job.job_id).state == "queued"


def test_without_a_terminal_drop_needs_yes(command_line: CommandLine, office: Office) -> None:
    office.set_aside("no job")
    done = command_line("poison", "drop", "--all")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert office.texts() == ["no job"]


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", ["no job"]), (b"y\n", [])])
def test_a_terminal_is_asked_to_confirm(
    command_line: CommandLine, office: Office, answer: bytes, left: list[str]
) -> None:
    office.set_aside("no job")
    master, slave = pty.openpty()
    try:
        os.write(master, answer)
        done = subprocess.run(
            [sys.executable, "-m", "service", "poison", "drop", "--all"],
            cwd=REPOSITORY,
            env={**os.environ, **command_line.environ},
            stdin=slave,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        os.close(master)
        os.close(slave)
    assert "Drop 1 message? This cannot be undone." in done.stderr
    assert done.returncode == (1 if left else 0)
    assert office.texts() == left


@pytest.mark.parametrize("arguments", [["replay"], ["drop", "--yes"], ["replay", "--all", "abcdef"]])
def test_poison_needs_ids_or_all(command_line: CommandLine, arguments: list[str]) -> None:
    done = command_line("poison", *arguments)
    assert done.exit_code == 2
    assert "give IDs, or --all" in done.stderr


def test_whoever_dies_while_looking_leaves_all_there(office: Office) -> None:
    office.set_aside("no job")
    queue = office.account.services.queue
    with pytest.raises(KeyboardInterrupt), queue.hold_poisoned() as hold:
        assert len(list(hold.messages())) == 1
        assert queue.poisoned() == []
        raise KeyboardInterrupt
    assert queue.poisoned() == ["no job"]


class Refusing(JobSubmitter):
    """A desk that takes nothing in."""

    def submit(self, job: AnalysisJob, traceparent: str) -> JobRecord:
        raise StorageUnavailable("not now")


def test_a_job_that_cannot_be_submitted_stays_in_the_poison_queue(office: Office) -> None:
    own = office.account.services
    office.set_aside(office.message(office.job()))
    submitter = PoisonQueue(own.queue, own.table, Refusing(own.table, own.queue, own.callback_queue))
    with pytest.raises(StorageUnavailable):
        list(submitter.replay(submitter.look()))
    assert office.texts() == [office.message(office.job())]


def test_a_message_that_went_meanwhile_is_told(office: Office) -> None:
    office.set_aside("no job")
    chosen = office.submitter.look()
    assert [done.error for done in office.submitter.drop(chosen)] == [None]
    [done] = office.submitter.drop(chosen)
    assert done.error and done.error.code == "message_gone"


def test_a_beginning_of_several_messages_is_refused(office: Office) -> None:
    office.set_aside("no job", "no job either")
    found = office.submitter.look()
    alike = [replace(one, message=replace(one.message, id=f"abcdef-{n}")) for n, one in enumerate(found)]
    with pytest.raises(BadRequest, match="several messages"):
        pick(alike, "ABCDEF")
    assert pick(alike, "abcdef-1") == [alike[1]]
    with pytest.raises(BadRequest, match="at least 6"):
        pick(alike, "abcde")
