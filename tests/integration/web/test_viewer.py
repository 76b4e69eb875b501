"""`/jobs/<id>/series` and `/jobs/<id>/media`: the table's own numbers, peaks kept; the media by ranges, unchanged."""

from __future__ import annotations

import csv
import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from infra.local.azurite import Azurite
from service.engine.columns import VIDEO_COLUMNS
from service.engine.lite.geometry import FaceGeometry
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from service.results.publish import commit, publish_artefacts
from service.results.series.layout import AXES, LANDMARKS
from service.web.app import create_app
from service.web.routes.viewer import LONGEST_RANGE
from tests.conftest import StorageAccount, account_on
from tests.integration.web.conftest import TRACE, video_job

SIZE = (640, 480)
FRAMES = 1400
PEAK_AT = 717
MEDIA = bytes(range(256)) * 400

Row = dict[str, float]


@cache
def rows() -> list[Row]:
    """Two faces; the second is seen in the first half only. Face 0 smiles for one frame."""
    rng = np.random.default_rng(5)
    made = []
    for frame in range(1, FRAMES + 1):
        for face in (0, 1) if frame <= FRAMES // 2 else (0,):
            row = dict.fromkeys(VIDEO_COLUMNS, float("nan"))
            row |= {
                "frame": frame,
                "face_id": face,
                "timestamp": round(frame / 30, 3),
                "confidence": 0.98,
                "success": 1,
            }
            row |= {f"{axis}_{i}": round(float(rng.uniform(50, 400)), 1) for i in range(68) for axis in "xy"}
            row |= {f"eye_lmk_X_{i}": round(float(rng.uniform(-40, 40)), 1) for i in range(56)}
            row |= {f"eye_lmk_Y_{i}": round(float(rng.uniform(-40, 0)), 1) for i in range(56)}
            row |= {f"eye_lmk_Z_{i}": round(float(rng.uniform(480, 560)), 1) for i in range(56)}
            row |= {"pose_Tx": 12.5, "pose_Ty": -7.25, "pose_Tz": 512.5}
            row |= {f"pose_R{axis}": round(float(rng.uniform(-0.4, 0.4)), 3) for axis in "xyz"}
            row |= {f"gaze_{eye}_{axis}": v for eye in "01" for axis, v in zip("xyz", (0.1, 0.2, -0.97), strict=True)}
            row |= {"gaze_angle_x": 0.103, "gaze_angle_y": 0.203}
            row |= {"AU12_r": 4.87 if (frame, face) == (PEAK_AT, 0) else round(0.4 + 0.1 * face, 2), "AU45_c": 0}
            made.append(row)
    return made


@cache
def table() -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(VIDEO_COLUMNS)
    for row in rows():
        writer.writerow("" if value != value else f"{value:g}" for value in row.values())
    return file.getvalue().encode()


@pytest.fixture(scope="module")
def account(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> StorageAccount:
    """One for all of these tests, which read."""
    return account_on(azurite, tmp_path_factory.mktemp("viewer"))


@pytest.fixture(scope="module")
def client(account: StorageAccount) -> FlaskClient:
    return create_app(account.services).test_client()


@pytest.fixture(scope="module")
def job_id(account: StorageAccount, tmp_path_factory: pytest.TempPathFactory) -> str:
    return video_job(account, tmp_path_factory.mktemp("table") / "t.csv", table(), MEDIA, SIZE)


def series(client: FlaskClient, job_id: str, query: str = "") -> dict:
    answer = client.get(f"/jobs/{job_id}/series?{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def test_few_rows_are_the_tables_own_numbers(client: FlaskClient, job_id: str) -> None:
    found = series(client, job_id, "from=10&to=11&points=100")
    own = [row for row in rows() if row["face_id"] == 0 and 9.99 - 1 / 30 < row["timestamp"] <= 11.034]
    assert found["exact"] and found["low"] == found["high"]
    assert (found["width"], found["height"], found["face"]) == (*SIZE, 0)
    assert found["time"] == [row["timestamp"] for row in own]
    assert found["frame"] == [row["frame"] for row in own]
    for name in ("AU12_r", "pose_Rx", "pose_Tz", "gaze_angle_y", "confidence", "AU45_c"):
        assert found["low"][name] == [row[name] for row in own]
    assert "AU01_r" not in found["low"]


@pytest.mark.parametrize("points", [1, 7, 100, 999])
def test_a_peak_of_one_frame_survives_any_resolution(client: FlaskClient, job_id: str, points: int) -> None:
    found = series(client, job_id, f"points={points}")
    assert not found["exact"]
    assert len(found["time"]) == len(found["high"]["AU12_r"]) == points
    assert max(found["high"]["AU12_r"]) == 4.87
    assert min(found["low"]["AU12_r"]) == 0.4
    part = found["high"]["AU12_r"].index(4.87)
    assert found["frame"][part] <= PEAK_AT
    assert part + 1 == points or found["frame"][part + 1] > PEAK_AT


def test_faces_are_apart(client: FlaskClient, job_id: str) -> None:
    found = series(client, job_id, "face=1&points=4000")
    assert found["faces"] == [{"face_id": 0, "rows": FRAMES}, {"face_id": 1, "rows": FRAMES // 2}]
    assert found["ends_s"] == pytest.approx(FRAMES / 2 / 30, abs=0.001)
    assert set(found["low"]["AU12_r"]) == {0.5}
    assert client.get(f"/jobs/{job_id}/series?face=2").status_code == 404


def test_geometry_is_that_of_the_overlay(client: FlaskClient, job_id: str) -> None:
    found = series(client, job_id, "face=0&from=20&to=20.1&geometry=1")
    by_frame = {row["frame"]: row for row in rows() if row["face_id"] == 0}
    assert len(found["geometry"]) == len(found["frame"]) >= 4
    for frame, numbers in zip(found["frame"], found["geometry"], strict=True):
        row, points = by_frame[frame], np.array(numbers, float).reshape(-1, 2)
        face = FaceGeometry.of_columns(row, *SIZE)
        expected = np.vstack([face.landmarks, *face.axes().values(), *np.array(face.lines_of_sight()).reshape(-1, 2)])
        assert points.shape == expected.shape == (LANDMARKS + AXES + 4, 2)
        assert np.abs(points - expected).max() <= 0.13


def test_too_many_rows_with_geometry_are_refused(client: FlaskClient, job_id: str) -> None:
    answer = client.get(f"/jobs/{job_id}/series?geometry=1&points=4000")
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (400, "too_many_rows")


def test_a_table_without_rows_is_an_empty_series(client: FlaskClient, account: StorageAccount, tmp_path: Path) -> None:
    job = AnalysisJob(account.container, "e.mp4", "0x1", "video", "wild", JobOptions.resolve("video", "wild", {}))
    account.services.submitter.submit(job, TRACE)
    place = ResultPlace.of(job, account.settings.results_container)
    path = tmp_path / "t.csv"
    path.write_bytes(table().split(b"\n")[0] + b"\n")
    publish_artefacts(account.services.blobs, place, "a1", {"media": {"probe": {"width": 8, "height": 8}}})
    commit(account.services.blobs, place, "a1", path, "feed")
    found = series(client, job.job_id)
    assert (found["face"], found["faces"], found["time"]) == (None, [], [])


def test_a_picture_has_no_series(client: FlaskClient, account: StorageAccount) -> None:
    job = AnalysisJob(account.container, "p.jpg", "0x1", "image", "wild", JobOptions.resolve("image", "wild", {}))
    account.services.submitter.submit(job, TRACE)
    assert client.get(f"/jobs/{job.job_id}/series").status_code == 404


def get(client: FlaskClient, job_id: str, asked: str | None = None) -> TestResponse:
    return client.get(f"/jobs/{job_id}/media", headers={"Range": asked} if asked else {})


def test_the_media_is_streamed_whole(client: FlaskClient, job_id: str) -> None:
    answer = get(client, job_id)
    assert (answer.status_code, answer.data, answer.content_type) == (200, MEDIA, "video/mp4")
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-", 0, len(MEDIA)),
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=102000-999999", 102000, len(MEDIA)),
        ("bytes=-5", len(MEDIA) - 5, len(MEDIA)),
    ],
)
def test_a_range_is_answered_by_exactly_its_bytes(
    client: FlaskClient, job_id: str, asked: str, begin: int, end: int
) -> None:
    answer = get(client, job_id, asked)
    assert (answer.status_code, answer.data) == (206, MEDIA[begin:end])
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(MEDIA)}"
    assert answer.content_length == end - begin


@pytest.mark.parametrize("asked", ["bytes=102400-", "bytes=999999-1000000"])
def test_a_range_outside_the_media_is_refused(client: FlaskClient, job_id: str, asked: str) -> None:
    answer = get(client, job_id, asked)
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(MEDIA)}")


@pytest.mark.parametrize("asked", ["bytes=5-2", "lines=1-2", "nonsense", "bytes=0-1,5-6", "bytes=a-b"])
def test_other_range_headers_are_ignored(client: FlaskClient, job_id: str, asked: str) -> None:
    answer = get(client, job_id, asked)
    assert (answer.status_code, len(answer.data)) == (200, len(MEDIA))


def test_a_long_range_is_answered_by_its_first_part(client: FlaskClient, account: StorageAccount) -> None:
    media = bytes(LONGEST_RANGE + 1000)
    etag = account.put("long.mp4", media)
    job = AnalysisJob(account.container, "long.mp4", etag, "video", "wild", JobOptions.resolve("video", "wild", {}))
    account.services.submitter.submit(job, TRACE)
    answer = get(client, job.job_id, "bytes=10-")
    assert answer.headers["Content-Range"] == f"bytes 10-{LONGEST_RANGE + 9}/{len(media)}"
    assert len(answer.data) == LONGEST_RANGE


def test_overwritten_and_deleted_media_are_not_shown(azurite: Azurite, tmp_path: Path) -> None:
    account = account_on(azurite, tmp_path)
    client = create_app(account.services).test_client()
    job_id = video_job(account, tmp_path / "t.csv", table(), MEDIA, SIZE)
    account.services.blobs.delete(account.container, "clip.mp4", account.services.table.get(job_id).job.etag)
    assert get(client, job_id).status_code == 404
    account.put("clip.mp4", b"another")
    answer = get(client, job_id)
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (409, "media_changed")
