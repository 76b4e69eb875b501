"""`/jobs/<id>/proxy`: a copy that browsers play, frame for frame, made once, by ranges, and gone with a purge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from flask.testing import FlaskClient

from infra.local.azurite import Azurite
from service.jobs.purge import Purge, Scope
from service.jobs.result_place import ResultPlace
from service.results.proxy import store
from service.web.app import create_app
from tests.conftest import StorageAccount, account_on
from tests.integration.web.conftest import video_job

SIZE, FRAMES = (1280, 720), 40
TABLE = b"frame,face_id,timestamp,confidence,success\n"


@pytest.fixture(scope="module")
def account(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> StorageAccount:
    return account_on(azurite, tmp_path_factory.mktemp("proxy"))


@pytest.fixture(scope="module")
def client(account: StorageAccount) -> Iterator[FlaskClient]:
    yield create_app(account.services).test_client()


def film(path: Path) -> bytes:
    """Write an MPEG-4 AVI, which browsers do not play: each frame is brighter than the one before."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        (stream.width, stream.height), stream.pix_fmt, stream.bit_rate = SIZE, "yuv420p", 4_000_000
        for number in range(FRAMES):
            shade = np.full((SIZE[1], SIZE[0], 3), 20 + 5 * number, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(shade, format="bgr24")))
        file.mux(stream.encode())
    return path.read_bytes()


def test_a_copy_has_the_frames_and_times_of_the_video(
    client: FlaskClient, account: StorageAccount, tmp_path: Path
) -> None:
    job_id = video_job(account, tmp_path / "t.csv", TABLE, film(tmp_path / "film.avi"), SIZE)
    path = f"/jobs/{job_id}/proxy"
    first = client.get(path, headers={"Range": "bytes=0-99"})
    assert (first.status_code, len(first.data), first.content_type) == (206, 100, "video/webm")
    whole = client.get(path)
    (tmp_path / "copy.webm").write_bytes(whole.data)
    with av.open(str(tmp_path / "copy.webm")) as copy:
        assert copy.streams.video[0].codec_context.name == "vp8"
        frames = [(float(each.time or 0), each.to_ndarray(format="gray")) for each in copy.decode(video=0)]
    assert [round(time, 2) for time, _ in frames] == [round(number / 25, 2) for number in range(FRAMES)]
    assert frames[0][1].shape == (360, 640)
    assert [shade.mean() for _, shade in frames] == pytest.approx([20 + 5 * number for number in range(FRAMES)], abs=6)
    # The job names it; a second request finds it; a purge takes it.
    record = account.services.table.get(job_id)
    place = ResultPlace.of(record.job, account.settings.results_container)
    blob = account.services.blobs.info(place.container, place.artefact("a1", store.FILE))
    assert client.get(path).headers["ETag"] == f'"{blob.etag}"'
    assert client.get(f"/jobs/{job_id}").get_json()["links"]["proxy"] == path
    own = account.services
    purge = Purge(own.blobs, own.queue, own.table, account.settings.results_container, lambda ids: 0)
    purge.run(Scope(record.job.container, record.job.blob, job_id), uploads=True, wait_s=1)
    page = own.blobs.page(place.container, "")
    assert [each.name for each in page.blobs if job_id in each.name] == []


def test_a_video_that_takes_longer_is_said_to_be_in_the_making(
    client: FlaskClient, account: StorageAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = video_job(account, tmp_path / "t.csv", TABLE, film(tmp_path / "film.avi"), SIZE)
    with monkeypatch.context() as patient:
        patient.setattr(store, "WAIT_S", 0.01)
        answer = client.get(f"/jobs/{job_id}/proxy")
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (503, "being_made")
    assert int(answer.headers["Retry-After"]) >= 1
    assert client.get(f"/jobs/{job_id}/proxy", headers={"Range": "bytes=0-0"}).status_code == 206


def test_a_file_that_is_no_video_has_no_copy(client: FlaskClient, account: StorageAccount, tmp_path: Path) -> None:
    job_id = video_job(account, tmp_path / "t.csv", TABLE, b"no video", SIZE)
    for _ in range(2):
        answer = client.get(f"/jobs/{job_id}/proxy")
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (400, "unreadable_media")
