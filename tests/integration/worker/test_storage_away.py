"""Storage that goes away at each step of a job and comes back: nothing lost, nothing doubled.

The outages of running jobs are longer than the lease, which is what matters; `OUTAGE_S=60` makes them a minute.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from infra.local.azurite import Azurite
from service import wiring
from service.errors import StorageUnavailable
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.submit import JobSubmitter
from service.storage.blob_store import Blobs
from service.web.services import Services
from service.worker.receiver import Lifetime
from service.worker.shutdown import Shutdown
from tests.conftest import StorageAccount, account_on
from tests.fixtures.cut_off import CutOffStorage
from tests.fixtures.media_made import FAKES, clip, jpeg
from tests.integration.worker.conftest import TRACE, Bench

OUTAGE_S = float(os.environ.get("OUTAGE_S", "3"))
LEASE_S = 2


@pytest.fixture
def fragile(azurite: Azurite) -> Iterator[CutOffStorage]:
    """The way to storage, to be cut."""
    storage = CutOffStorage(azurite)
    storage.start()
    yield storage
    storage.stop()


@pytest.fixture
def bench(fragile: CutOffStorage, tmp_path: Path) -> Bench:
    return Bench(account_on(fragile, tmp_path))


class Outage:
    """Stops storage once, when it is pulled, and starts it again after `lasting_s`, or when it is ended."""

    def __init__(self, azurite: CutOffStorage, lasting_s: float | None = OUTAGE_S) -> None:
        self._azurite = azurite
        self._lasting_s = lasting_s
        self._pulled = threading.Lock()
        self.over = threading.Event()

    def pull(self) -> None:
        if self._pulled.acquire(blocking=False):
            self._azurite.stop()
            if self._lasting_s is not None:
                threading.Timer(self._lasting_s, self.end).start()

    def end(self) -> None:
        self._azurite.start()
        self.over.set()


class OutageAt:
    """Any object, with an outage just before (or after) one of its methods is called for the first time."""

    def __init__(self, real: Any, method: str, outage: Outage, *, after: bool = False) -> None:
        self._real, self._method, self._outage, self._after = real, method, outage, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name != self._method:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            if not self._after:
                self._outage.pull()
                return real(*args, **kwargs)
            answer = real(*args, **kwargs)
            self._outage.pull()
            return answer

        return call


class OutageWhileDownloading:
    """Blobs whose download meets the outage with part of the file already here."""

    def __init__(self, real: Blobs, outage: Outage) -> None:
        self._real, self._outage = real, outage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def download(self, *args: Any, **kwargs: Any) -> Any:
        *others, on_bytes = args

        def pulled(done: int, total: int) -> None:
            self._outage.pull()
            on_bytes(done, total)

        return self._real.download(*others, pulled, **kwargs)


BIG = jpeg() + b"\0" * (40 << 20)
"""A picture that takes several requests to download; what follows its end is passed over."""

Break = Callable[[StorageAccount, Outage], dict[str, Any]]

STEPS: dict[str, Break] = {
    "downloading": lambda own, outage: {"source": OutageWhileDownloading(own.services.blobs, outage)},
    "publishing artefacts": lambda own, outage: {"results": OutageAt(own.services.blobs, "upload", outage)},
    "settling": lambda own, outage: {"results": OutageAt(own.services.blobs, "upload", outage, after=True)},
}


def _assert_one_result(bench: Bench, job: AnalysisJob, outage: Outage) -> None:
    assert outage.over.wait(OUTAGE_S + 60)
    record = bench.finished(job, within_s=60)
    bench.until(lambda: bench.account.services.queue.length() == 0, within_s=60)
    assert record.state == "succeeded", record.error_message
    assert len(bench.csvs()) == 1
    assert bench.account.services.queue.poisoned() == []
    manifest = bench.manifest(job)
    place = bench.place(job)
    info = bench.account.services.blobs.info(place.container, place.csv)
    assert info.metadata["sha256"] == manifest["csv"]["sha256"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", STEPS)
def test_an_outage_in_a_step_costs_no_result(bench: Bench, fragile: CutOffStorage, step: str) -> None:
    outage = Outage(fragile)
    job = bench.submit("face.jpg", BIG if step == "downloading" else jpeg())
    broken = STEPS[step](bench.account, outage)
    with bench.worker(lease_s=LEASE_S, pipeline_parts=broken):
        _assert_one_result(bench, job, outage)


@pytest.mark.timeout(300)
def test_a_job_whose_csv_was_written_before_an_outage_is_settled_and_not_repeated(
    bench: Bench, fragile: CutOffStorage
) -> None:
    """The CSV exists; the next worker must settle the job and not analyse it again."""
    outage = Outage(fragile)
    job = bench.submit("face.jpg", jpeg())
    blobs = bench.account.services.blobs

    class AfterCommit(OutageAt):
        def __getattr__(self, name: str) -> Any:
            real = getattr(self._real, name)

            def upload(container: str, blob: str, *args: Any, **kwargs: Any) -> None:
                real(container, blob, *args, **kwargs)
                if blob.endswith(".csv"):
                    outage.pull()

            return upload if name == "upload" else real

    with bench.worker(lease_s=LEASE_S, pipeline_parts={"results": AfterCommit(blobs, "upload", outage)}):
        _assert_one_result(bench, job, outage)
    assert len([name for name in bench.published() if name.endswith("manifest.json")]) == 1


@pytest.mark.timeout(300)
def test_an_outage_longer_than_the_lease_makes_the_worker_let_go(bench: Bench, fragile: CutOffStorage) -> None:
    """Longer than the lease: the worker must let go, since another might hold the job by then."""
    outage = Outage(fragile)
    job = bench.submit("clip.mp4", clip(frames=60), media="video")
    with bench.worker("slow", lease_s=LEASE_S):
        bench.until(lambda: bench.record(job).stage == "engine")
        outage.pull()
        _assert_one_result(bench, job, outage)


@pytest.mark.timeout(300)
def test_an_outage_shorter_than_the_lease_is_not_noticed(bench: Bench, fragile: CutOffStorage) -> None:
    job = bench.submit("clip.mp4", clip(frames=60), media="video")
    with bench.worker("slow", lease_s=30):
        bench.until(lambda: bench.record(job).stage == "engine")
        fragile.stop()
        fragile.start()
        record = bench.finished(job)
    assert (record.state, record.attempts) == ("succeeded", 1)


@pytest.mark.timeout(300)
def test_a_submission_without_storage_is_a_503_to_be_repeated(bench: Bench, fragile: CutOffStorage) -> None:
    """The answer is 503 with Retry-After; a later retry loses nothing and doubles nothing."""
    from service.web.app import create_app

    client = create_app(bench.account.services).test_client()
    bench.account.put("face.jpg", jpeg())
    url = f"/analyse/image/posed/{bench.account.container}?blob=face.jpg"
    fragile.stop()
    try:
        answer = client.post(url)
        assert (answer.status_code, answer.json["code"]) == (503, "storage_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
    finally:
        fragile.start()
    [job] = client.post(url).json["jobs"]
    with bench.worker():
        bench.until(lambda: client.get(f"/jobs/{job['id']}").json["state"] == "succeeded")
    assert len(bench.csvs()) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", ["create", "add_to_lists", "send"])
def test_an_outage_in_the_middle_of_submitting_loses_and_doubles_nothing(
    bench: Bench, fragile: CutOffStorage, method: str
) -> None:
    outage = Outage(fragile, lasting_s=None)
    own = bench.account.services
    etag = bench.account.put("face.jpg", jpeg())
    job = AnalysisJob(
        bench.account.container, "face.jpg", etag, "image", "posed", JobOptions.resolve("image", "posed", {})
    )
    table: Any = own.table if method == "send" else OutageAt(own.table, method, outage)
    queue: Any = OutageAt(own.queue, "send", outage) if method == "send" else own.queue
    with pytest.raises(StorageUnavailable):
        JobSubmitter(table, queue, own.callback_queue).submit(job, TRACE)
    outage.end()
    own.submitter.submit(job, TRACE)
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
        bench.settled()
    assert len(own.table.page(container=bench.account.container, state=None).records) == 1
    assert len(bench.csvs()) == 1


@pytest.mark.timeout(300)
def test_an_idle_worker_waits_for_storage_to_come_back(bench: Bench, fragile: CutOffStorage) -> None:
    with capture_logs() as lines, bench.worker():
        fragile.stop()
        bench.until(lambda: any(line["event"] == "worker.storage_away" for line in lines))
        fragile.start()
        job = bench.submit("face.jpg", jpeg())
        assert bench.finished(job).state == "succeeded"


def test_a_worker_starts_before_its_storage(bench: Bench, fragile: CutOffStorage) -> None:
    """The queue and table of a new deployment are made when storage is there."""
    mark = "later" + os.urandom(4).hex()
    settings = bench.account.settings.model_copy(update={"queue_name": f"q-{mark}", "table_name": mark})
    services = Services.connect(settings)
    fragile.stop()
    try:
        opening = threading.Thread(target=wiring.create_storage_when_available, args=(services, Shutdown(0.0)))
        opening.start()
        opening.join(1)
        assert opening.is_alive()
    finally:
        fragile.start()
    opening.join(30)
    assert not opening.is_alive()
    assert services.queue.length() == 0
    assert services.table.page(container=None, state=None).records == []


@pytest.mark.timeout(120)
def test_a_worker_that_leaves_when_idle_does_not_wait_for_the_end_of_an_outage(
    bench: Bench, fragile: CutOffStorage
) -> None:
    with bench.worker(lifetime=Lifetime(until_idle_s=3.0)) as (_, codes):
        fragile.stop()
        try:
            bench.until(lambda: bool(codes), within_s=60)
        finally:
            fragile.start()
    assert codes == [0]


@pytest.mark.timeout(120)
def test_a_worker_that_leaves_when_idle_starts_in_an_outage_and_leaves(
    bench: Bench, fragile: CutOffStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shutdown, "listen", lambda shutdown: None)
    settings = bench.account.settings.model_copy(update={"openface_bin_dir": FAKES / "ok"})
    fragile.stop()
    try:
        assert wiring.run_worker(settings, Lifetime(until_idle_s=1.0)) == 0
    finally:
        fragile.start()


@pytest.mark.timeout(300)
def test_a_lost_lease_stops_the_engine_within_two_seconds(bench: Bench, fragile: CutOffStorage) -> None:
    """Even one that ignores being asked to: from then on another worker may hold the job."""
    job = bench.submit("face.jpg", jpeg())
    with bench.worker("ignores_sigterm", lease_s=LEASE_S):
        bench.until(lambda: bool(_engines(bench)))
        fragile.stop()
        lost_at_latest = time.monotonic() + LEASE_S
        try:
            bench.until(lambda: not _engines(bench), within_s=60)
            gone = time.monotonic()
        finally:
            fragile.start()
        bench.account.services.submitter.cancel(job.job_id)
        assert bench.finished(job).state == "cancelled"
    # A second more for a machine that is busy with other tests.
    assert gone < lost_at_latest + 2 + 1
    assert bench.published() == []


def _engines(bench: Bench) -> list[str]:
    """Processes that work in this bench's workspace, but for the child that looks at pictures and stays."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            folder = (process / "cwd").readlink()
            if folder.is_relative_to(bench.account.settings.workspace) and not folder.name.startswith("child-"):
                found.append(process.name)
    return found
