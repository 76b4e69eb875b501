"""Several items in hand: pictures share a process, and none pays for another."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from service.jobs.job import AnalysisJob
from service.jobs.record import now
from service.sandbox.disk_budget import DiskBudget
from service.settings import REPOSITORY
from tests.fixtures.media_made import clip, jpeg
from tests.integration.worker.conftest import TRACE, Bench

EXAMPLE = REPOSITORY / "examples" / "engine"
LITE = REPOSITORY / "openface_lite" / "bin"


def in_one_process(bench: Bench, job: AnalysisJob) -> int:
    return int(bench.manifest(job)["engine"]["pictures_in_process"])


def test_pictures_that_wait_share_a_process(bench: Bench) -> None:
    jobs = [bench.submit(f"{number}.jpg", jpeg(number * 10)) for number in range(12)]
    with bench.worker(engines=1, batch_images=6):
        for job in jobs:
            assert bench.finished(job).state == "succeeded"
        bench.settled()
    assert len(bench.csvs()) == 12
    assert max(in_one_process(bench, job) for job in jobs) > 1
    assert all(in_one_process(bench, job) <= 6 for job in jobs)


def test_each_gets_its_own_result(bench: Bench) -> None:
    """One with a face among those without, by the real analyser."""
    portrait = (REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png").read_bytes()
    jobs = [bench.submit(f"{number}.jpg", jpeg(number * 20)) for number in range(5)]
    face = bench.submit("face.png", portrait)
    with bench.worker(openface_bin_dir=LITE, engines=1):
        for job in [*jobs, face]:
            assert bench.finished(job, 60).state == "succeeded"
    assert bench.manifest(face)["faces"] == 1
    assert [bench.manifest(job)["faces"] for job in jobs] == [0] * 5


def test_one_waiting_picture_waits_for_no_others(bench: Bench) -> None:
    job = bench.submit("a.jpg", jpeg())
    with bench.worker(batch_images=16):
        assert bench.finished(job, within_s=10).state == "succeeded"
    assert in_one_process(bench, job) == 1


def test_other_options_are_another_process(bench: Bench) -> None:
    jobs = [bench.submit(f"{number}.jpg", jpeg(number * 10)) for number in range(4)]
    wild = []
    for job in jobs:
        other = dataclasses.replace(job, media_type="wild", options=dataclasses.replace(job.options, multi_view=True))
        bench.account.services.submitter.submit(other, TRACE)
        wild.append(other)
    with bench.worker(engines=1):
        for job in [*jobs, *wild]:
            assert bench.finished(job).state == "succeeded"
    for job in [*jobs, *wild]:
        assert ("-wild" in bench.manifest(job)["engine"]["argv"]) is (job in wild)


def test_a_bad_picture_costs_the_others_nothing(bench: Bench) -> None:
    """The stand-in ends at every picture whose media it cannot open; the decoders take this one for whole."""
    jobs = [bench.submit(f"{number}.jpg", jpeg(number * 10)) for number in range(6)]
    bad = bench.submit("bad.jpg", jpeg()[:-200])
    with bench.worker(engines=1):
        for job in jobs:
            record = bench.finished(job)
            assert (record.state, record.attempts) == ("succeeded", 1)
        assert bench.finished(bad).state == "failed"
        bench.settled()


def test_one_that_comes_again_after_its_worker_died_runs_alone(bench: Bench) -> None:
    jobs = [bench.submit(f"{number}.jpg", jpeg(number * 10)) for number in range(6)]
    table = bench.account.services.table
    for job in jobs:
        record = bench.record(job)
        table.update(
            dataclasses.replace(record, state="running", attempts=1, owner="dead", lease_until=now(), lease_s=0.0)
        )
    with bench.worker(engines=1):
        for job in jobs:
            assert bench.finished(job).state == "succeeded"
    assert {in_one_process(bench, job) for job in jobs} == {1}


def test_a_cancelled_one_leaves_the_others(bench: Bench) -> None:
    jobs = [bench.submit(f"{number}.jpg", jpeg(number * 10)) for number in range(4)]
    with bench.worker("slow_pictures", engines=1, lease_s=3):
        bench.until(lambda: all(bench.record(job).stage == "engine" for job in jobs))
        bench.account.services.submitter.cancel(jobs[-1].job_id)
        states = [bench.finished(job).state for job in jobs]
        bench.settled()
    assert states == ["succeeded"] * 3 + ["cancelled"]
    assert len(bench.csvs()) == 3


def test_results_come_as_each_is_ready(bench: Bench) -> None:
    jobs = [bench.submit(f"{number}.jpg", jpeg(number * 10)) for number in range(4)]
    with bench.worker("slow_pictures", engines=1):
        bench.until(lambda: len(bench.csvs()) >= 1)
        assert any(not bench.record(job).is_finished for job in jobs)
        for job in jobs:
            bench.finished(job)


def test_no_more_videos_in_hand_than_engines_and_one(bench: Bench) -> None:
    for number in range(5):
        bench.submit(f"{number}.mp4", clip(frames=60, shade=number * 10), media="video")
    with bench.worker("slow", engines=1, shutdown_grace_s=0.0):
        bench.until(lambda: len(_running(bench)) == 2)
        time.sleep(1)
        assert len(_running(bench)) == 2


def test_videos_that_do_not_fit_on_the_disk_together_wait_their_turn(bench: Bench) -> None:
    jobs = [bench.submit(f"{number}.mp4", clip(frames=8, shade=number * 10), media="video") for number in range(3)]
    engines: list[int] = []
    with bench.worker("slow", engines=2, pipeline_parts={"disk": DiskBudget(1, large_bytes=0)}):
        while not all(bench.record(job).is_finished for job in jobs):
            engines.append(sum(bench.record(job).stage == "engine" for job in jobs))
            time.sleep(0.1)
    assert [bench.record(job).state for job in jobs] == ["succeeded"] * 3
    assert max(engines) == 1


def _running(bench: Bench) -> list[Any]:
    page = bench.account.services.table.page(container=bench.account.container, state="running")
    return list(page.records)


def test_each_engine_has_one_processor_of_its_own(bench: Bench) -> None:
    """The stand-in starts as many threads as its mask has processors, as TBB does."""
    jobs = [bench.submit(f"{number}.mp4", clip(frames=2, shade=number), media="video") for number in range(4)]
    with bench.worker("counts_cpus", engines=2):
        for job in jobs:
            bench.finished(job)
    for job in jobs:
        log = bench.place(job).artefact(bench.record(job).attempt_published, "engine.log")
        text = bench.account.services.blobs.read(bench.account.settings.results_container, log).decode()
        assert "threads 1 cpus" in text


def test_each_job_is_measured_by_the_engine_that_it_chose(bench: Bench) -> None:
    """Two engines in one worker, their pictures in processes of their own; one that is missing is a final error."""
    own = bench.submit("own.jpg", jpeg())
    chosen, missing = (
        dataclasses.replace(own, options=dataclasses.replace(own.options, engine=name)) for name in ("other", "absent")
    )
    for job in (chosen, missing):
        bench.account.services.submitter.submit(job, TRACE)
    assert len({own.job_id, chosen.job_id, missing.job_id}) == 3
    with bench.worker(engines=1, engines_available=f"other={EXAMPLE}"):
        assert [bench.finished(job).state for job in (own, chosen, missing)] == ["succeeded", "succeeded", "failed"]
    assert bench.manifest(own)["engine"]["name"] == "OpenFace"
    assert bench.manifest(chosen)["engine"]["name"] == "example"
    assert bench.manifest(chosen)["job"]["options"]["engine"] == "other"
    assert "engine" not in bench.manifest(own)["job"]["options"]
    assert bench.record(missing).error_code == "option_unavailable"
    assert bench.manifest(missing)["engine"] is None
