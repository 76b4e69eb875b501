"""The worker over real storage: every way a job can end, and what is left in the queue, the record and the results."""

from __future__ import annotations

import dataclasses
import hashlib
import time

import pytest

from service.errors import EngineUnavailable, UnreadableMedia
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.options import JobOptions
from service.jobs.record import now
from service.jobs.sequence import frozen_job
from service.results.series.layout import FILE as SERIES
from service.results.series.layout import FaceRows, Header
from service.settings import REPOSITORY
from tests.fixtures.media_made import clip, jpeg
from tests.integration.worker.conftest import TRACE, Bench


def test_a_picture_ends_in_one_csv(bench: Bench) -> None:
    job = bench.submit("takes/face 1.jpg", jpeg())
    with bench.worker() as (_, codes):
        record = bench.finished(job)
        bench.settled()
    assert codes == [0]
    assert (record.state, record.attempts, record.progress, record.error_code) == ("succeeded", 1, 1.0, "")
    place = bench.place(job)
    folder = f"{job.container}/takes/face 1.jpg/{job.job_id}"
    artefacts = f"{folder}/{record.attempt_id}"
    assert bench.published() == sorted([f"{folder}/face 1.csv", f"{artefacts}/manifest.json"])
    manifest = bench.manifest(job)
    csv = bench.account.services.blobs.read(place.container, place.csv)
    info = bench.account.services.blobs.info(place.container, place.csv)
    assert manifest["csv"]["sha256"] == hashlib.sha256(csv).hexdigest() == info.metadata["sha256"]
    assert info.metadata["attempt"] == record.attempt_id
    assert (manifest["outcome"], manifest["csv"]["columns"], manifest["completeness"]["verdict"]) == (
        "succeeded",
        711,
        "complete",
    )
    assert manifest["engine"]["log"].startswith("Reading the landmark detector/tracker from: $OPENFACE_BIN_DIR/")
    assert manifest["media"]["sha256"] == hashlib.sha256(jpeg()).hexdigest()
    assert set(manifest["seconds"]) == {"fetch", "probe", "prepare", "engine", "results", "overlay", "total"}
    assert [step for step, seconds in manifest["seconds"].items() if seconds is None] == ["overlay"]
    assert not [word for word in manifest["engine"]["argv"] if word.startswith("/")]


def test_a_video_is_counted_frame_by_frame(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=25), media="video")
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
    manifest = bench.manifest(job)
    assert manifest["frames"] == {"expected": 25, "decoded": 25, "written": 25, "success": 25}
    assert (manifest["csv"]["columns"], manifest["completeness"]) == (714, {"verdict": "complete", "reason": None})
    # What its page draws from is there before anyone asks.
    place, blobs = bench.place(job), bench.account.services.blobs
    kept = blobs.read(place.container, place.artefact(bench.record(job).attempt_published, SERIES))
    header, _ = Header.parse(kept) or (None, 0)
    probe = manifest["media"]["probe"]
    assert header == Header(probe["width"], probe["height"], 25, (FaceRows(0, 0, 25),))


def test_a_table_cut_short_is_partial_and_says_so(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=25), media="video")
    with bench.worker("short"):
        assert bench.finished(job).state == "succeeded"
    completeness = bench.manifest(job)["completeness"]
    assert completeness["verdict"] == "partial"
    assert "of 25 frames" in completeness["reason"]


def test_no_face_is_a_result(bench: Bench) -> None:
    job = bench.submit("empty.jpg", jpeg())
    with bench.worker("no_face"):
        assert bench.finished(job).state == "succeeded"
    place = bench.place(job)
    csv = bench.account.services.blobs.read(place.container, place.csv)
    assert csv.count(b"\n") == 1
    assert bench.manifest(job)["faces"] == 0


def test_a_deleted_upload_fails(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    bench.account.services.blobs._service.get_blob_client(job.container, job.blob).delete_blob()
    with bench.worker():
        record = bench.finished(job)
    assert (record.state, record.error_code) == ("failed", "media_not_found")


def test_an_overwritten_upload_is_superseded_by_its_new_version(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg(10))
    etag = bench.account.put("face.jpg", jpeg(20))
    with bench.worker():
        record = bench.finished(job)
        newer = dataclasses.replace(job, etag=etag)
        assert bench.finished(newer).state == "succeeded"
        bench.settled()
    assert (record.state, record.superseded_by, record.error_code) == ("superseded", newer.job_id, "media_changed")
    assert len(bench.csvs()) == 1
    assert bench.account.services.queue.poisoned() == []


def test_a_sequence_is_superseded_when_a_member_changes(bench: Bench) -> None:
    account = bench.account
    for number in (1, 2, 3):
        account.put(f"takes/{number}.jpg", jpeg(number))

    def submitted() -> AnalysisJob:
        options = JobOptions.resolve("sequence", "posed", {})
        job = frozen_job(
            account.services.blobs, account.settings.results_container, account.container, "takes", "posed", options
        )
        account.services.submitter.submit(job, TRACE)
        return job

    job = submitted()
    account.put("takes/2.jpg", jpeg(99))
    # The worker submits the newer one too: a delivery that finds the job held waits for as long as a lease.
    with bench.worker(openface_bin_dir=REPOSITORY / "openface_lite" / "bin", lease_s=3):
        record = bench.finished(job, 60)
        newer = bench.finished(submitted(), 60)
        bench.settled()
    assert (record.state, record.error_code) == ("superseded", "media_changed")
    assert record.superseded_by == newer.job.job_id != job.job_id
    assert newer.state == "succeeded"
    [csv] = bench.csvs()
    assert csv.endswith("/takes.csv")


def test_the_same_message_ten_times_is_one_result(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    for _ in range(9):
        bench.account.services.queue.send(QueuedJob(job, TRACE).encode())
    short = {"lease_s": 3}  # a delivery that finds the job held waits for as long
    with bench.worker(**short), bench.worker(**short), bench.worker(**short):
        assert bench.finished(job).state == "succeeded"
        bench.settled()
    assert len(bench.csvs()) == 1
    assert len([name for name in bench.published() if name.endswith("manifest.json")]) == 1


def test_what_is_not_a_job_goes_aside_untouched(bench: Bench) -> None:
    texts = ["nonsense", '{"schema": 0}', "<b>&amp;</b>"]
    for text in texts:
        bench.account.services.queue.send(text)
    with bench.worker():
        bench.settled()
    assert sorted(bench.account.services.queue.poisoned()) == sorted(texts)


def test_a_message_without_a_record_is_a_job_all_the_same(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    table = bench.account.services.table
    table._table.delete_entity(job.job_id, job.job_id)
    with bench.worker():
        bench.until(lambda: len(bench.csvs()) == 1)
        assert bench.finished(job).state == "succeeded"


def test_a_cancelled_job_is_not_begun(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    bench.account.services.submitter.cancel(job.job_id)
    with bench.worker():
        bench.settled()
    assert bench.record(job).state == "cancelled"
    assert bench.published() == []


def test_cancelling_stops_the_engine(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=250), media="video")
    with bench.worker("slow"):
        bench.until(lambda: bench.record(job).stage == "engine")
        bench.account.services.submitter.cancel(job.job_id)
        assert bench.finished(job, within_s=10).state == "cancelled"
        bench.settled()
    assert bench.published() == []


def test_progress_moves_while_the_engine_works(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=40), media="video")
    seen: set[float] = set()
    with bench.worker("slow"):
        while not (record := bench.record(job)).is_finished:
            seen.add(record.progress)
            time.sleep(0.2)
    assert record.state == "succeeded"
    assert len(seen) >= 4
    assert max(seen) <= 1.0


def test_a_lease_that_another_took_over_publishes_nothing(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=250), media="video")
    table = bench.account.services.table
    with bench.worker("slow"):
        bench.until(lambda: bench.record(job).stage == "engine")
        stolen = table.get(job.job_id)
        while stolen.owner != "thief":
            stolen = dataclasses.replace(table.get(job.job_id), owner="thief", attempt_id="theirs")
            try:
                stolen = table.update(stolen)
            except Exception:
                stolen = dataclasses.replace(stolen, owner="")
        # The worker notices at its next write, lets go, and is free for other work.
        other = bench.submit("other.mp4", clip(frames=2), media="video")
        assert bench.finished(other).state == "succeeded"
    assert table.get(job.job_id).owner == "thief"
    assert [name for name in bench.published() if "clip.mp4" in name] == []


def test_a_result_published_by_a_worker_that_died_is_kept(bench: Bench) -> None:
    """Died after the CSV and before the record: the next delivery settles the job, and analyses nothing again."""
    job = bench.submit("face.jpg", jpeg())
    with bench.worker():
        bench.finished(job)
    table = bench.account.services.table
    before = bench.published()
    undone = dataclasses.replace(
        bench.record(job), state="running", owner="dead", lease_until=now(), lease_s=0.0, finished=None
    )
    table.update(undone)
    bench.account.services.queue.send(QueuedJob(job, TRACE).encode())
    with bench.worker("crash"):
        assert bench.finished(job).state == "succeeded"
        bench.settled()
    assert bench.published() == before


def test_attempts_that_kill_their_worker_are_bounded(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    table = bench.account.services.table
    table.update(
        dataclasses.replace(
            bench.record(job), state="running", attempts=5, owner="dead", lease_until=now(), lease_s=0.0
        )
    )
    with bench.worker():
        record = bench.finished(job)
        bench.settled()
    assert (record.state, record.error_code, record.attempts) == ("failed", "attempts_exhausted", 5)


def test_stopping_hands_the_item_back_at_once(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=250), media="video")
    with bench.worker("slow", shutdown_grace_s=0.5):
        bench.until(lambda: bench.record(job).stage == "engine")
    record = bench.record(job)
    assert (record.state, record.stage, record.owner, record.attempts) == ("running", "handed back", "", 0)
    message = bench.account.services.queue.receive(30)
    assert message is not None
    assert bench.csvs() == []


def test_stopping_lets_a_short_item_finish(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=20), media="video")
    with bench.worker("slow", shutdown_grace_s=30.0):
        bench.until(lambda: bench.record(job).stage == "engine")
    assert bench.record(job).state == "succeeded"
    assert bench.account.services.queue.length() == 0


def test_a_worker_without_an_engine_takes_nothing(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    with pytest.raises(EngineUnavailable), bench.worker("no_such_engine"):
        pass
    assert bench.record(job).state == "queued"


def test_an_engine_whose_models_are_gone_ends_the_worker_and_keeps_the_job(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    with bench.worker("missing_model") as (_, codes):
        bench.until(lambda: bool(codes))
    assert codes == [3]
    record = bench.record(job)
    assert (record.state, record.attempts, record.error_code) == ("running", 0, "engine_unavailable")
    assert bench.account.services.queue.length() == 1


def test_nothing_is_left_on_disk(bench: Bench) -> None:
    jobs = [bench.submit("face.jpg", jpeg()), bench.submit("bad.jpg", b"bad")]
    with bench.worker():
        for job in jobs:
            bench.finished(job)
    left = [path for path in bench.account.settings.workspace.rglob("*") if path.is_dir()]
    assert left == []


@pytest.mark.parametrize("was_sent", [False, True], ids=["died before it sent", "died after it sent"])
def test_a_repeat_leaves_a_failed_job_to_the_worker_that_is_setting_it_aside(bench: Bench, was_sent: bool) -> None:
    """Of two messages of one hopeless job the second is not set aside as well, unless the first worker died."""
    job = bench.submit("bad.jpg", b"bad")
    services = bench.account.services
    held = bench.record(job).claimed("first", "a1", 3, now())
    services.table.update(held.failed(UnreadableMedia(), now()))
    if was_sent:
        services.queue.send_to_poison("\u202e not JSON")
        services.queue.send_to_poison(QueuedJob(held.job, TRACE).encode())
    with bench.worker():
        bench.until(lambda: bench.record(job).poisoned)
        assert held.lease_until is not None
        assert now() > held.lease_until
        bench.settled()
    assert bench.record(job).owner == ""
    assert len([text for text in services.queue.poisoned() if bench.account.container in text]) == 1
