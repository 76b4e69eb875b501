"""`purge`: everything of what was named is gone from every place, nothing else is, and a second time is harmless."""

from __future__ import annotations

import json

import pytest

from service.errors import MalformedOutput, NotFound
from service.jobs.job import AnalysisJob
from service.jobs.job_table import Purged
from service.jobs.record import now
from service.jobs.result_place import ResultPlace
from tests.conftest import StorageAccount
from tests.fixtures.media_made import clip, jpeg
from tests.integration.cli.conftest import CommandLine, Office
from tests.integration.web.conftest import make_job, publish
from tests.integration.worker.conftest import Bench

MARKS = {"state-index", "text-index"}


def done(bench: Bench, *names: str) -> list[AnalysisJob]:
    """Uploads, and jobs about them that have succeeded, with what a worker leaves in storage."""
    for name in names:
        bench.account.put(name, jpeg())
    jobs = [make_job(bench.account, name, "succeeded").job for name in names]
    queue = bench.account.services.queue
    for message in queue.receive_several(60, len(names)):
        queue.delete(message)
    return jobs


def held(account: StorageAccount) -> dict[str, list[str]]:
    """Names of all that storage holds."""
    own = account.services
    table = own.table._table
    return {
        "uploads": [blob.name for blob in own.blobs.page(account.container).blobs],
        "results": [blob.name for blob in own.blobs.page(account.settings.results_container).blobs],
        "table": [str(entity) for entity in table.query_entities("job_id ge '' or state ge ''")],
        "poison": own.queue.poisoned(),
    }


def receipt(command_line: CommandLine, *words: str) -> dict:
    result = command_line("purge", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_container_is_gone_from_every_place(bench: Bench, office: Office, command_line: CommandLine) -> None:
    account = bench.account
    done(bench, "a.jpg", "folder/b.jpg")
    office.submit("waiting.jpg")
    office.set_aside(office.message(office.job("poisoned.jpg")), "no job at all")
    other = account.new_container()
    account.put("kept.jpg", jpeg(), other)

    before = held(account)
    look = receipt(command_line, "container", account.container, "--dry-run")
    assert held(account) == before
    told = receipt(command_line, "container", account.container, "--yes")
    counts = ("messages", "poison_messages", "results", "uploads")
    assert [told[name] for name in counts] == [1, 1, len(before["results"]), 2]
    assert [look[name] for name in counts] == [told[name] for name in counts]
    assert (look["is_done"], told["is_done"], len(told["jobs"]), told["unfinished"]) == (False, True, 3, [])

    assert held(account) == {"uploads": [], "results": [], "table": [], "poison": ["no job at all"]}
    assert account.services.queue.length() == 0
    assert account.services.blobs.info(other, "kept.jpg")
    again = receipt(command_line, "container", account.container, "--yes")
    assert [again[name] for name in (*counts, "jobs")] == [0, 0, 0, 0, []]


def test_no_word_of_an_upload_stays_in_the_table(bench: Bench, command_line: CommandLine) -> None:
    [job] = done(bench, "somebody.jpg")
    receipt(command_line, "container", bench.account.container, "--yes")
    table = bench.account.services.table
    left = [entity for entity in table._table.list_entities() if entity["RowKey"] not in MARKS]
    assert left == [{"PartitionKey": job.job_id, "RowKey": job.job_id, "purged": True}]
    with pytest.raises(NotFound):
        table.get(job.job_id)


def test_the_place_of_an_upload_goes_with_its_blobs(account: StorageAccount, command_line: CommandLine) -> None:
    places, digests = account.services.table.upload_places, ["a" * 64, "b" * 64]
    owner = f"lab-{account.container}"
    container, _ = (places.choose(owner, digest, "20261231") for digest in digests)
    account.services.blobs.ensure_container(container)
    names = [f"{digests[0]}/a.jpg", f"{digests[0]}/b.jpg", f"{digests[1]}/a.jpg"]
    for name in names:
        account.put(name, jpeg(), container)
    receipt(command_line, "blob", container, names[0], "--yes")
    assert [places.find(owner, digest) for digest in digests] == [container, container]
    receipt(command_line, "blob", container, names[1], "--yes")
    assert [places.find(owner, digest) for digest in digests] == [None, container]
    receipt(command_line, "container", container, "--yes")
    assert places.known("", 10) == ([], "")


def test_one_upload_goes_and_its_neighbours_stay(bench: Bench, command_line: CommandLine) -> None:
    account = bench.account
    # Results of the second lie below the folder of the first's.
    gone, *kept = done(bench, "a.jpg", "a.jpg/b.jpg", "a.jpgx.jpg")
    told = receipt(command_line, "blob", account.container, "a.jpg", "--yes")
    assert (told["jobs"], told["uploads"]) == ([gone.job_id], 1)
    left = held(account)
    assert left["uploads"] == ["a.jpg/b.jpg", "a.jpgx.jpg"]
    for job in kept:
        place = ResultPlace.of(job, account.settings.results_container)
        assert place.csv in left["results"]
        assert bench.record(job).state == "succeeded"
    assert not [name for name in left["results"] if gone.job_id in name]


def test_one_job_goes_and_its_upload_and_other_jobs_stay(bench: Bench, command_line: CommandLine) -> None:
    [first] = done(bench, "a.jpg")
    again = bench.account.services.submitter.rerun(first.job_id, "")
    publish(bench.account, again)
    told = receipt(command_line, "job", first.job_id[:12], "--yes")
    assert (told["jobs"], told["uploads"]) == ([first.job_id], 0)
    assert held(bench.account)["uploads"] == ["a.jpg"]
    assert (told["messages"], bench.account.services.queue.length()) == (0, 1)
    assert bench.record(again.job).state == "queued"
    assert {name.split("/")[2] for name in bench.published()} == {again.job.job_id}


def test_purging_one_job_touches_no_message_of_others(office: Office, command_line: CommandLine) -> None:
    jobs = [office.submit(f"{number}.jpg") for number in range(3)]
    told = receipt(command_line, "job", jobs[1].job_id, "--yes")
    assert (told["jobs"], told["messages"]) == ([jobs[1].job_id], 0)
    queue, table = office.account.services.queue, office.account.services.table
    # None was hidden from the workers meanwhile; its own is dropped by the one that receives it.
    assert [message.dequeue_count for message in queue.receive_several(60, 10)] == [1, 1, 1]
    with pytest.raises(Purged):
        table.get(jobs[1].job_id)


def test_purging_one_failed_job_takes_its_poison_message(office: Office, command_line: CommandLine) -> None:
    job, table = office.submit("a.jpg"), office.account.services.table
    running = table.update(table.get(job.job_id).claimed("w", "a1", 60, now()))
    table.update(running.failed(MalformedOutput("odd"), now()).set_aside())
    office.set_aside(office.message(job), "no job at all")
    assert receipt(command_line, "job", job.job_id, "--yes")["poison_messages"] == 1
    assert office.texts() == ["no job at all"]


def test_results_in_the_uploads_own_container_are_found(account: StorageAccount, command_line: CommandLine) -> None:
    blobs = account.services.blobs
    job_id = "0" * 32
    for name in (f"_results/a.jpg/{job_id}/a.csv", "_results/notes.txt", "a.jpg"):
        blobs.upload(account.container, name, b"x", content_type="text/plain")
    told = json.loads(
        command_line("purge", "container", account.container, "--yes", RESULTS_CONTAINER="{container}").stdout
    )
    assert (told["results"], told["uploads"]) == (1, 1)
    # Blobs that the service did not write stay.
    assert [blob.name for blob in blobs.page(account.container).blobs] == ["_results/notes.txt"]


def test_a_job_in_work_is_ended_first(bench: Bench, command_line: CommandLine) -> None:
    job = bench.submit("clip.mp4", clip(frames=250), media="video")
    with bench.worker("slow"):
        bench.until(lambda: bench.record(job).stage == "engine")
        told = receipt(command_line, "container", bench.account.container, "--yes")
        bench.settled()
    assert told["jobs"] == [job.job_id]
    assert held(bench.account) == {"uploads": [], "results": [], "table": [], "poison": []}


def test_one_that_does_not_end_is_told_and_left(office: Office, command_line: CommandLine) -> None:
    job = office.submit("a.jpg")
    table = office.account.services.table
    table.update(table.get(job.job_id).claimed("a worker that hangs", "a1", 3600, now()))
    result = command_line("purge", "container", office.account.container, "--yes", "--wait", "0.2")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["unfinished"], told["jobs"]) == (1, [job.job_id], [])
    assert table.get(job.job_id).cancel_requested


def test_a_message_that_was_on_its_way_starts_nothing(bench: Bench, office: Office, command_line: CommandLine) -> None:
    office.account.put("a.jpg", jpeg())
    job = office.submit("a.jpg")
    queue = bench.account.services.queue
    assert queue.receive(2)
    told = receipt(command_line, "container", bench.account.container, "--yes", "--keep-uploads")
    assert (told["messages"], told["jobs"]) == (0, [job.job_id])
    with bench.worker():
        bench.settled()
    assert held(bench.account) == {"uploads": ["a.jpg"], "results": [], "table": [], "poison": []}
    with pytest.raises(Purged):
        bench.record(job)


def test_what_was_kept_can_be_analysed_anew(bench: Bench, command_line: CommandLine) -> None:
    job = bench.submit("a.jpg", jpeg())
    receipt(command_line, "container", bench.account.container, "--yes", "--keep-uploads")
    bench.account.services.submitter.submit(job, "")
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
    assert len(bench.csvs()) == 1


def test_nobody_is_there_to_be_asked(command_line: CommandLine, account: StorageAccount) -> None:
    account.put("a.jpg", jpeg())
    result = command_line("purge", "container", account.container)
    assert result.exit_code == 2
    assert "--yes" in result.output
    assert held(account)["uploads"] == ["a.jpg"]


def test_people_need_identity(command_line: CommandLine) -> None:
    result = command_line("purge", "person", "gallery", "someone", "--yes")
    assert result.exit_code == 2
    assert "IDENTITY" in result.output
