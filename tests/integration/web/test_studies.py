"""Studies: membership, counts, what a worker makes of them, keys for own jobs, and a purge."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest
from flask.testing import FlaskClient

from service.errors import RecordChanged, UnreadableMedia
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.options import JobOptions
from service.jobs.purge import Purge, Scope
from service.jobs.record import now
from service.jobs.result_place import ResultPlace
from service.jobs.study_place import folder_of
from service.jobs.study_request import StudyRequest
from service.jobs.sweep.finding import every_blob
from service.jobs.sweep.missed_uploads import without_job
from service.results.publish import commit, publish_artefacts
from service.results.study.make import StudyMaker
from service.wiring import report_thread
from service.worker.shutdown import Shutdown
from tests.conftest import StorageAccount
from tests.fixtures.media_made import clip, jpeg
from tests.fixtures.results_made import manifest_of, write_table
from tests.integration.cli.conftest import CommandLine, environ_of
from tests.integration.web.conftest import TRACE, Guarded

STUDY = "pilot-1"
FRAMES = 30


def video(account: StorageAccount, blob: str, study: str = STUDY, key_name: str = "") -> str:
    """A succeeded job of a video with a table; returns its id."""
    own = account.services
    etag = account.put(blob, clip(FRAMES))
    job = AnalysisJob(account.container, blob, etag, "video", "wild", JobOptions.resolve("video", "wild", {}))
    record = own.submitter.submit(job, TRACE, key_name, study)
    running = own.table.update(record.claimed("w", "a1", 60, now()))
    table = write_table(account.settings.workspace.parent / "table.csv", FRAMES)
    manifest = manifest_of(table, FRAMES, blob)
    manifest["job"] = {"id": job.job_id, **job.as_dict()}
    manifest["csv"] |= {"sha256": hashlib.sha256(table.read_bytes()).hexdigest(), "rows": FRAMES, "name": "table.csv"}
    place = ResultPlace.of(job, account.settings.results_container)
    publish_artefacts(own.blobs, place, "a1", manifest)
    commit(own.blobs, place, "a1", table, "feed")
    own.table.update(running.succeeded("a1", now()))
    return job.job_id


def failed(account: StorageAccount, blob: str, study: str = STUDY) -> str:
    own = account.services
    job = AnalysisJob(account.container, blob, "0x1", "image", "wild", JobOptions.resolve("image", "wild", {}))
    record = own.submitter.submit(job, TRACE, study=study)
    running = own.table.update(record.claimed("w", "a1", 60, now()))
    own.table.update(running.failed(UnreadableMedia("it is cut off"), now()))
    return job.job_id


@contextmanager
def worker(account: StorageAccount) -> Iterator[None]:
    """The part of a worker that makes studies."""
    with report_thread(account.settings, account.services, Shutdown(0.0)):
        yield


def made(client: FlaskClient, study: str = STUDY) -> dict:
    """Ask for the results of a study, and wait for them."""
    assert client.post(f"/studies/{study}/results").status_code == 202
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = client.get(f"/studies/{study}").json
        if answer["results"] and not answer["making"]:
            return answer
        assert not (answer["making"] and answer["making"]["failed"]), answer
        time.sleep(0.1)
    raise AssertionError("no worker made it")


def purge(account: StorageAccount, **scope: str) -> None:
    own = account.services
    purging = Purge(own.blobs, own.queue, own.table, account.settings.results_container, lambda ids: 0)
    assert purging.run(Scope(account.container, **scope), uploads=False, wait_s=0).is_done


def test_an_upload_carries_its_study_into_its_job_and_no_other_job_changes(
    client: FlaskClient, account: StorageAccount
) -> None:
    picture = jpeg(17)
    headers = {"X-Content-SHA256": hashlib.sha256(picture).hexdigest(), "Content-Type": "image/jpeg"}
    upload = client.put(f"/uploads?name=a.jpg&study={STUDY}", data=picture, headers=headers).json
    assert upload["study"] == STUDY
    assert upload["container"].startswith("uploads-anonymous-spilot1")
    # As an event's function asks: the study is the upload's.
    [job] = client.post(upload["links"]["analyse"]).json["jobs"]
    assert job["study"] == STUDY
    # Another study of the same file is the same upload, and the same job.
    again = client.put("/uploads?name=a.jpg&study=other", data=picture, headers=headers)
    assert (again.status_code, again.json["etag"], again.json["study"]) == (200, upload["etag"], STUDY)
    [same] = client.post(f"{upload['links']['analyse']}&study=other").json["jobs"]
    assert same["id"] == job["id"]
    assert [one["name"] for one in client.get("/studies").json["studies"]] == ["other", STUDY]
    for study in ("other", STUDY):
        assert [one["id"] for one in client.get(f"/studies/{study}/jobs").json["jobs"]] == [job["id"]]
        assert client.get(f"/studies/{study}").json["counts"] == {"queued": 1}
    # The message has nothing that an older worker does not know, and makes it read the record.
    with account.services.queue.hold_waiting() as held:
        for message in held.messages():
            assert "study" not in message.text
            assert (queued := QueuedJob.decode(message.text)).created is None
            assert queued.job.job_id == job["id"]


@pytest.mark.parametrize("name", ["Pilot", "a b", "-a", "", "x" * 64, "..", "a/b"])
def test_a_name_that_no_study_can_have_is_refused(client: FlaskClient, account: StorageAccount, name: str) -> None:
    account.put("a.jpg", jpeg())
    asked = client.post(f"/analyse/image/wild/{account.container}", query_string={"study": name})
    assert asked.status_code == 400


def test_a_worker_makes_table_report_and_posters_of_what_has_finished(
    client: FlaskClient, account: StorageAccount
) -> None:
    ids = {video(account, "a.mp4"), video(account, "b.mp4")}
    broken = failed(account, "c.jpg")
    video(account, "elsewhere.mp4", "other")
    assert client.get(f"/studies/{STUDY}").json["counts"] == {"succeeded": 2, "failed": 1}
    assert client.get(f"/studies/{STUDY}/table.csv").json["code"] == "study_not_made"
    with worker(account):
        answer = made(client)
    results = answer["results"]
    assert (results["results"], results["rows"], results["states"]) == (2, 2 * FRAMES, {"succeeded": 2, "failed": 1})
    assert results["failures"] == [{"code": "unreadable_media", "count": 1, "files": ["c.jpg"]}]
    csv = pyarrow.csv.read_csv(io.BytesIO(client.get(results["links"]["csv"]).data))
    parquet = pyarrow.parquet.read_table(io.BytesIO(client.get(results["links"]["parquet"]).data))
    assert set(csv["job_id"].to_pylist()) == set(parquet["job_id"].to_pylist()) == ids
    # The report's numbers are those of the table.
    good = parquet.filter(parquet["good"])
    unit = next(one for one in results["units"] if one["unit"] == "AU12")
    values = good["AU12_r"].to_numpy()
    assert (unit["rows"], unit["files"]) == (len(values), 2)
    assert unit["mean"] == pytest.approx(values.mean(), abs=1e-4)
    assert sum(unit["bars"]) == len(values)
    assert results["quality"]["frames_used"] == good.num_rows
    report = client.get(results["links"]["report"])
    assert "AU12" in report.text
    assert f"mean {unit['mean']:.2f}" in report.text
    assert "script" not in report.headers["Content-Security-Policy"]
    jobs = client.get(f"/studies/{STUDY}/jobs").json["jobs"]
    assert {job["quality"]["share"] for job in jobs if job["quality"]} == {1.0}
    for job in jobs:
        if job["state"] == "succeeded":
            assert client.get(job["links"]["poster"]).data.startswith(b"\xff\xd8")
    # A later making takes the place of an earlier one; a failed job that runs again has not failed any more.
    account.services.submitter.rerun(broken, TRACE)
    with worker(account):
        made(client)
    later = client.get(f"/studies/{STUDY}").json["results"]
    assert (later["states"], later["failures"]) == ({"succeeded": 2, "queued": 1}, [])
    files = [blob.name for blob in every_blob(account.services.blobs, account.settings.results_container, "_studies/")]
    assert len([name for name in files if name.startswith(folder_of(STUDY))]) == 4


def test_a_rerun_stands_for_its_job_and_the_older_success_stays_in_the_table(
    client: FlaskClient, account: StorageAccount
) -> None:
    first = video(account, "a.mp4")
    again = account.services.submitter.rerun(first, TRACE)
    [job] = client.get(f"/studies/{STUDY}/jobs").json["jobs"]
    assert (job["id"], job["state"]) == (again.job.job_id, "queued")
    assert client.get(f"/studies/{STUDY}").json["counts"] == {"queued": 1}
    with worker(account):
        assert made(client)["results"]["results"] == 1


def test_counts_and_jobs_come_in_pages(client: FlaskClient, account: StorageAccount) -> None:
    own = account.services
    options = JobOptions.resolve("image", "wild", {})
    jobs = [AnalysisJob(account.container, f"{n}.jpg", "0x1", "image", "wild", options) for n in range(250)]
    own.submitter.submit_several(jobs, TRACE, [""] * 250, [STUDY] * 250)
    seen: list[str] = []
    cursor, counts = "", 0
    while True:
        page = client.get(f"/studies/{STUDY}/jobs", query_string={"cursor": cursor} if cursor else {}).json
        seen += [job["id"] for job in page["jobs"]]
        assert len(page["jobs"]) <= 48
        if not (cursor := page["cursor"]):
            break
    assert sorted(seen) == sorted(job.job_id for job in jobs)
    while True:
        answer = client.get(f"/studies/{STUDY}", query_string={"cursor": cursor} if cursor else {}).json
        counts += answer["counts"]["queued"]
        assert answer["counts"]["queued"] <= 200
        if not (cursor := answer["cursor"]):
            break
    assert counts == 250


def test_a_key_for_its_own_jobs_sees_these_alone(door: Callable[..., Guarded], account: StorageAccount) -> None:
    guarded = door()
    mine = video(account, "mine.mp4", key_name="read-own")
    video(account, "theirs.mp4", key_name="someone-else")
    video(account, "hidden.mp4", "hidden", "someone-else")
    headers = guarded.headers("read:own")

    def get(path: str) -> dict:
        return guarded.client.get(path, headers=headers).json

    assert [one["name"] for one in get("/studies")["studies"]] == [STUDY]
    assert get("/studies/hidden")["code"] == "study_not_found"
    assert get(f"/studies/{STUDY}")["counts"] == {"succeeded": 1}
    assert [job["id"] for job in get(f"/studies/{STUDY}/jobs")["jobs"]] == [mine]
    maker = StudyMaker(
        account.services.table, account.services.blobs, account.settings.results_container, account.settings.workspace
    )
    maker.make(StudyRequest(STUDY))
    # What was made of all jobs is not for this key.
    assert get(f"/studies/{STUDY}")["results"] is None
    assert guarded.client.get(f"/studies/{STUDY}/table.csv", headers=headers).json["code"] == "study_not_made"
    maker.make(StudyRequest(STUDY, "read-own"))
    assert get(f"/studies/{STUDY}")["results"]["results"] == 1
    table = guarded.client.get(f"/studies/{STUDY}/table.csv", headers=headers).text
    assert "mine.mp4" in table
    assert "theirs.mp4" not in table


def test_a_purge_takes_a_job_out_of_its_studies_and_deletes_what_was_made(
    client: FlaskClient, account: StorageAccount
) -> None:
    first, second = video(account, "a.mp4"), video(account, "b.mp4")
    own, container = account.services, account.settings.results_container
    maker = StudyMaker(own.table, own.blobs, container, account.settings.workspace)
    maker.make(StudyRequest(STUDY))
    purge(account, blob="a.mp4", job_id=first)
    assert [job["id"] for job in client.get(f"/studies/{STUDY}/jobs").json["jobs"]] == [second]
    assert client.get(f"/studies/{STUDY}").json["results"] is None
    assert not list(every_blob(own.blobs, container, folder_of(STUDY)))

    # A table that was being made while the purge ran is not kept.
    def purge_now(done: int) -> None:
        if done == 1:
            purge(account)

    video(account, "c.mp4")
    with pytest.raises(RecordChanged):
        maker.make(StudyRequest(STUDY), purge_now)
    assert not list(every_blob(own.blobs, container, folder_of(STUDY)))
    assert client.get("/studies").json["studies"] == []
    assert client.get(f"/studies/{STUDY}").status_code == 404


def test_a_browser_is_led_to_the_pages(client: FlaskClient, account: StorageAccount) -> None:
    video(account, "a.mp4")
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    assert client.get("/studies", headers=html).headers["Location"] == "/page/studies"
    assert client.get(f"/studies/{STUDY}", headers=html).headers["Location"] == f"/page/studies/{STUDY}"
    assert client.get("/page/studies/No%20name", headers=html).status_code == 404


@dataclass(frozen=True)
class SlowMaker:
    """Makes nothing, and takes as long as the test likes."""

    begun: threading.Event
    released: threading.Event

    def make(self, request: StudyRequest, on_result: Callable[[int], None]) -> None:
        self.begun.set()
        while not self.released.wait(0.05):
            on_result(1)


def test_a_study_delays_no_report_and_is_given_back_by_a_worker_that_is_stopped(account: StorageAccount) -> None:
    video(account, "a.mp4")
    own, maker, shutdown = account.services, SlowMaker(threading.Event(), threading.Event()), Shutdown(0.0)
    thread = replace(report_thread(account.settings, own, shutdown), studies=lambda: maker)
    with thread:
        own.report_queue.send(StudyRequest(STUDY).text)
        assert maker.begun.wait(10)
        # Another request is handled while the study is being made.
        own.report_queue.send("no job")
        until = time.monotonic() + 10
        while own.report_queue.length() > 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert own.report_queue.length() == 1
        shutdown.ask()
    given_back = own.report_queue.receive(60)
    assert given_back
    assert given_back.study == StudyRequest(STUDY)


def test_a_study_that_cannot_be_made_says_why(client: FlaskClient, account: StorageAccount) -> None:
    video(account, "a.mp4")

    class BrokenMaker:
        def make(self, request: StudyRequest, on_result: Callable[[int], None]) -> None:
            raise UnreadableMedia("the disk is full of stones")

    thread = replace(report_thread(account.settings, account.services, Shutdown(0.0)), studies=BrokenMaker)
    with thread:
        assert client.post(f"/studies/{STUDY}/results").status_code == 202
        until = time.monotonic() + 20
        while not (making := client.get(f"/studies/{STUDY}").json["making"])["failed"] and time.monotonic() < until:
            time.sleep(0.1)
    assert making["failed"] == "the disk is full of stones"
    # A failed request does not stand in the way of the next one.
    assert client.post(f"/studies/{STUDY}/results").json["failed"] is None


def test_a_missed_upload_is_put_into_its_study_by_the_sweep(client: FlaskClient, account: StorageAccount) -> None:
    own = account.services
    own.blobs.upload(account.container, "a.jpg", jpeg(), content_type="image/jpeg", metadata={"study": STUDY})
    later = now() + timedelta(minutes=5)
    [found] = without_job(own, account.container, now() - timedelta(hours=1), later)
    assert found.mended().mended
    assert client.get(f"/studies/{STUDY}").json["counts"] == {"queued": 1}


def test_the_command_line_collects_a_study_with_all_columns(account: StorageAccount, tmp_path: Path) -> None:
    video(account, "a.mp4")
    video(account, "b.mp4", "other")
    run = CommandLine(environ_of(account.settings))
    done = run("collect", "--study", STUDY, "--out", str(tmp_path / "t.parquet"), "--json")
    assert done.exit_code == 0, done.output
    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    assert set(table["blob"].to_pylist()) == {"a.mp4"}
    assert {"x_0", "p_33", "AU12_r"} <= set(table.column_names)
    missing = run("collect", "--study", "none", "--out", str(tmp_path / "u.parquet"))
    assert missing.exit_code != 0
    assert "there is no study" in missing.output
