"""Excluded stretches over HTTP: with an author, never in the table, honoured by reports, gone with a purge."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.purge import Purge, Scope
from service.jobs.record import now
from service.jobs.result_place import ResultPlace
from service.results.publish import Artefact, commit, publish_artefacts
from tests.conftest import StorageAccount
from tests.fixtures.results_made import RATE, manifest_of, write_table
from tests.integration.web.conftest import TRACE, make_job

FRAMES = 120


def analysed(account: StorageAccount) -> tuple[AnalysisJob, ResultPlace, bytes]:
    """A finished job on a video whose upload is gone."""
    own = account.services
    job = AnalysisJob(account.container, "clip.mp4", "0x1", "video", "wild", JobOptions.resolve("video", "wild", {}))
    running = own.table.update(own.submitter.submit(job, TRACE).claimed("w", "a1", 60, now()))
    place = ResultPlace.of(job, account.settings.results_container)
    table = write_table(account.settings.workspace.parent / "table.csv", FRAMES)
    publish_artefacts(own.blobs, place, "a1", manifest_of(table, FRAMES), [Artefact("engine.log", b"", "text/plain")])
    commit(own.blobs, place, "a1", table, "feed")
    own.table.update(running.succeeded("a1", now()))
    return job, place, table.read_bytes()


def test_excluded_stretches_leave_the_statistics_and_nothing_else(client: FlaskClient, account: StorageAccount) -> None:
    job, place, table = analysed(account)
    at = f"/jobs/{job.job_id}"
    assert client.get(f"{at}/annotations").json == {"version": 1, "excluded": []}
    before = client.get(f"{at}/summary.json").json
    assert (before["rows"]["used"], before["rows"]["excluded"]) == (FRAMES, 0)

    # The smile begins with frame 60, at 59/30 s: without it AU12 never exceeds 0.2.
    stretch = {"start_s": 59 / RATE, "end_s": FRAMES / RATE, "reason": "<b>hand</b>"}
    answer = client.put(f"{at}/annotations", json={"excluded": [stretch]})
    [kept] = answer.json["excluded"]
    assert (answer.status_code, kept["by"], kept["reason"]) == (200, "anonymous", "<b>hand</b>")

    after = client.get(f"{at}/summary.json").json
    assert (after["rows"]["used"], after["rows"]["excluded"]) == (59, FRAMES - 59)
    assert after["rows"]["low_confidence"] == before["rows"]["low_confidence"]
    assert after["gate"]["excluded"] == [{"start_s": pytest.approx(59 / RATE), "end_s": pytest.approx(FRAMES / RATE)}]
    maxima = [summary["tracks"][0]["action_units"]["AU12"]["intensity"]["spread"]["max"] for summary in (before, after)]
    assert maxima == [3.1, 0.2]
    assert "excluded" in {caution["code"] for caution in after["cautions"]}
    page = client.get(f"{at}/report.html").text
    assert "Excluded stretches" in page
    assert "&lt;b&gt;hand" in page
    assert client.get(f"{at}/result.csv").data == table

    # Who and when stay those of the first time; without stretches all is as before.
    again = client.put(f"{at}/annotations", json={"excluded": [stretch, {"start_s": 0, "end_s": 1}]}).json["excluded"]
    assert [each["at"] for each in again if each["reason"]] == [kept["at"]]
    client.put(f"{at}/annotations", json={"excluded": []})
    assert client.get(f"{at}/summary.json").json == before

    client.put(f"{at}/annotations", json={"excluded": [stretch]})
    own = account.services
    purge = Purge(own.blobs, own.queue, own.table, account.settings.results_container, lambda ids: 0)
    purge.run(Scope(job.container, job.blob, job.job_id), uploads=False, wait_s=1)
    assert own.blobs.page(place.container, prefix=place.folder).blobs == []


@pytest.mark.parametrize(
    "stretch",
    [
        {"start_s": 2, "end_s": 1},
        {"start_s": -1, "end_s": 1},
        {"start_s": 0, "end_s": "NaN"},
        {"start_s": 0, "end_s": 1, "by": "another"},
        {"start_s": 0, "end_s": 1, "reason": "x" * 501},
    ],
)
def test_stretches_that_make_no_sense_are_refused(
    client: FlaskClient, account: StorageAccount, stretch: dict[str, object]
) -> None:
    job, _, _ = analysed(account)
    answer = client.put(f"/jobs/{job.job_id}/annotations", json={"excluded": [stretch]})
    assert answer.status_code in (400, 422), json.dumps(answer.json)
    assert client.get(f"/jobs/{job.job_id}/annotations").json["excluded"] == []


def test_pictures_and_jobs_without_a_result_have_none(client: FlaskClient, account: StorageAccount) -> None:
    body = {"excluded": [{"start_s": 0, "end_s": 1}]}
    picture = make_job(account, "p.png", "succeeded")
    answer = client.put(f"/jobs/{picture.job.job_id}/annotations", json=body)
    assert (answer.status_code, answer.json["code"]) == (400, "no_video")
    queued = make_job(account, "q.png")
    answer = client.put(f"/jobs/{queued.job.job_id}/annotations", json=body)
    assert (answer.status_code, answer.json["code"]) == (409, "not_published")
