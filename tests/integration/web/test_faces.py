"""`/api/detect` and `/api/analyse-image`: the answers, the three forms of a body, and what is refused."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from openface_lite import analyse_image
from service.engine.lite import interactive
from service.engine.lite.interactive import InteractiveAnalyser
from service.settings import Settings
from service.web.app import create_app
from tests.conftest import ASTRONAUT, StorageAccount
from tests.integration.web.conftest import client_of, guarded

FAKES = Path(__file__).parents[2] / "fixtures" / "fake_openface"
PICTURE = ASTRONAUT.read_bytes()
JPEG = cv2.imencode(".jpg", cv2.imread(str(ASTRONAUT)))[1].tobytes()
"""Small enough for the test client to hold a form in memory."""
KEY_POINTS = {"left_eye", "right_eye", "nose", "mouth_left", "mouth_right"}


@pytest.fixture(scope="module")
def analyser() -> Iterator[InteractiveAnalyser]:
    analyser = InteractiveAnalyser(Settings.load({"WEB_WORKERS": "1", "DETECT_CHILDREN": "1"}))
    yield analyser
    analyser.close()


@pytest.fixture
def client(account: StorageAccount, analyser: InteractiveAnalyser) -> FlaskClient:
    return client_of(replace(account.services, analyser=analyser))


def test_a_face_is_found_where_it_is(client: FlaskClient) -> None:
    [face] = client.post("/api/detect", data=PICTURE, content_type="image/png").get_json()
    [measured] = analyse_image(PICTURE, tiles=False)
    left, top, right, bottom = measured.box
    assert face["box"] == pytest.approx([left, top, right - left, bottom - top], abs=1)
    assert set(face) == {"box", "confidence", "keypoints"}
    assert set(face["keypoints"]) == KEY_POINTS
    assert face["keypoints"]["left_eye"] == pytest.approx(measured.key_points.left_eye, abs=1)
    assert face["keypoints"]["nose"] == pytest.approx(measured.landmarks_2d[30], abs=1)
    assert all(isinstance(number, int) for number in [*face["box"], *face["keypoints"]["nose"]])
    assert 0.9 < face["confidence"] <= 1


def test_all_forms_of_a_body_give_equal_faces(client: FlaskClient) -> None:
    encoded = base64.b64encode(JPEG).decode()
    answers = [
        client.post("/api/detect", data=JPEG, content_type="image/jpeg"),
        client.post("/api/detect", data=JPEG, content_type="application/octet-stream"),
        client.post("/api/detect", data={"image_file": (io.BytesIO(JPEG), "a b.png")}),
        client.post("/api/detect", json={"image": encoded}),
        client.post("/api/detect", json={"image": f"data:image/jpeg;base64,{encoded}"}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(answers[0].get_json()) == 1
    assert all(answer.get_json() == answers[0].get_json() for answer in answers)


@pytest.mark.parametrize("kind", [".jpg", ".webp", ".bmp"])
def test_every_documented_format_is_read(client: FlaskClient, kind: str) -> None:
    encoded = cv2.imencode(kind, cv2.imread(str(ASTRONAUT)))[1].tobytes()
    assert len(client.post("/api/detect", data=encoded, content_type="image/x").get_json()) == 1


def test_no_face_is_an_empty_list(client: FlaskClient) -> None:
    blank = cv2.imencode(".png", np.full((240, 320, 3), 128, np.uint8))[1].tobytes()
    answer = client.post("/api/detect", data=blank, content_type="image/png")
    assert (answer.status_code, answer.get_json()) == (200, [])
    assert client.post("/api/analyse-image", data=blank, content_type="image/png").get_json()["faces"] == []


def _two_faces() -> bytes:
    """The portrait, and beside it the same at half the size."""
    large = cv2.imread(str(ASTRONAUT))
    small = cv2.resize(large, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    canvas = np.full((512, 800, 3), 90, np.uint8)
    canvas[:, :512] = large
    canvas[100:356, 530:786] = small
    return cv2.imencode(".png", canvas)[1].tobytes()


def test_faces_are_sorted_by_size_and_limited(client: FlaskClient) -> None:
    both = client.post("/api/detect", data=_two_faces(), content_type="image/png").get_json()
    one = client.post("/api/detect?max_faces=1", data=_two_faces(), content_type="image/png").get_json()
    assert len(both) == 2
    assert both[0]["box"][2] > 1.5 * both[1]["box"][2]
    assert one == both[:1]


def test_settings_are_the_defaults_of_the_query(account: StorageAccount, analyser: InteractiveAnalyser) -> None:
    settings = account.settings.model_copy(update={"detect_max_faces": 1})
    smallest = create_app(replace(account.services, settings=settings, analyser=analyser)).test_client()
    answer = smallest.post("/api/detect?max_faces=9", data=_two_faces(), content_type="image/png")
    assert len(answer.get_json()) == 1
    settings = account.settings.model_copy(update={"detect_confidence": 1.0})
    strict = create_app(replace(account.services, settings=settings, analyser=analyser)).test_client()
    assert strict.post("/api/detect", data=PICTURE, content_type="image/png").get_json() == []
    assert len(strict.post("/api/detect?confidence=0.9", data=PICTURE, content_type="image/png").get_json()) == 1


def test_small_faces_are_found_with_upsample(client: FlaskClient) -> None:
    small = cv2.resize(cv2.imread(str(ASTRONAUT)), (200, 200), interpolation=cv2.INTER_AREA)
    canvas = np.full((800, 1200, 3), 90, np.uint8)
    canvas[300:500, 500:700] = small
    data = cv2.imencode(".png", canvas)[1].tobytes()
    assert client.post("/api/detect", data=data, content_type="image/png").get_json() == []
    [face] = client.post("/api/detect?upsample=1", data=data, content_type="image/png").get_json()
    assert 560 < face["box"][0] < 580


def test_analyse_image_returns_all_measurements(client: FlaskClient) -> None:
    answer = client.post("/api/analyse-image", data=PICTURE, content_type="image/png").get_json()
    [measured] = analyse_image(PICTURE, tiles=False)
    assert (answer["width"], answer["height"]) == (512, 512)
    assert answer["engine"] == {"name": "openface_lite", "version": "0.3.0", "licence_class": "permissive"}
    assert 0 < answer["seconds"] < 60
    [face] = answer["faces"]
    assert np.array(face["landmarks"]) == pytest.approx(measured.landmarks_2d, abs=0.06)
    pose = face["head_pose"]
    assert pose["translation_mm"] == pytest.approx(measured.head_pose.translation, abs=0.06)
    assert list(pose["rotation_deg"].values()) == pytest.approx(np.degrees(measured.head_pose.angles), abs=0.006)
    assert cv2.Rodrigues(np.array(pose["rotation_vector"]))[0] == pytest.approx(measured.head_pose.rotation, abs=1e-4)
    origin, x, y = (np.array(pose["axes"][name]) for name in ("origin", "x", "y"))
    assert (x - origin)[0] > 20 > abs((x - origin)[1])
    assert (y - origin)[1] > 20 > abs((y - origin)[0])
    assert face["gaze"]["angle_deg"] == pytest.approx(np.degrees(measured.gaze.angles), abs=0.006)
    assert [len(eye["direction"]) for eye in face["gaze"]["eyes"]] == [3, 3]
    assert face["action_units"]["AU12_r"]["intensity"] == pytest.approx(
        measured.action_units["AU12_r"].intensity, abs=6e-4
    )
    assert face["action_units"]["AU04_r"] == {"intensity": None, "support": "not_estimable"}
    assert face["action_units"]["AU45_c"] == {"presence": 0, "support": "supported"}
    assert len(face["action_units"]) == 35


@pytest.mark.parametrize(
    ("accept", "kind"), [(None, "image/png"), ("image/jpeg", "image/jpeg"), ("image/*", "image/png")]
)
def test_the_overlay_is_drawn_at_the_face(client: FlaskClient, accept: str | None, kind: str) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = client.post("/api/analyse-image?draw=true", data=PICTURE, content_type="image/png", headers=headers)
    assert answer.content_type == kind
    drawn = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR).astype(int)
    changed = np.abs(drawn - cv2.imread(str(ASTRONAUT)).astype(int)).max(axis=2) > 30
    [measured] = analyse_image(PICTURE, tiles=False)
    left, top, _, bottom = measured.box.round().astype(int)
    assert changed[top + 5 : bottom - 5, left].mean() > 0.9
    assert changed[:, : left - 10].mean() < 0.001


def test_a_rotated_photo_is_measured_upright(client: FlaskClient) -> None:
    pixels = cv2.imread(str(ASTRONAUT))
    stored = cv2.imencode(".jpg", cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    turned = client.post("/api/detect", data=_with_orientation(stored, 6), content_type="image/jpeg").get_json()
    upright = client.post("/api/detect", data=PICTURE, content_type="image/png").get_json()
    assert turned[0]["box"] == pytest.approx(upright[0]["box"], abs=4)


def _with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Insert an EXIF block (big-endian TIFF, one entry: tag 0x0112)."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def _problem(answer: TestResponse) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.get_json()["code"]


@pytest.mark.parametrize("route", ["/api/detect", "/api/analyse-image"])
@pytest.mark.parametrize(
    ("data", "content_type", "expected"),
    [
        (b"", "image/png", (400, "no_picture")),
        (b"no picture at all", "image/png", (400, "unreadable_media")),
        (PICTURE[:5000], "image/png", (400, "unreadable_media")),
        (b"GIF89a" + bytes(100), "image/gif", (415, "unsupported_media")),
        (PICTURE, "text/plain", (415, "unsupported_media")),
        (b"{", "application/json", (400, "bad_request")),
        (b"[]", "application/json", (400, "bad_request")),
        (b'{"image": 5}', "application/json", (400, "bad_request")),
        (b'{"image": "%%%"}', "application/json", (400, "bad_request")),
        (b'{"image": ""}', "application/json", (400, "no_picture")),
        (b"no form", "multipart/form-data; boundary=x", (400, "no_picture")),
    ],
)
def test_bodies_without_a_picture_are_refused(
    client: FlaskClient, route: str, data: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    assert _problem(client.post(route, data=data, content_type=content_type)) == expected


def test_two_files_are_refused(client: FlaskClient) -> None:
    two = {"a": (io.BytesIO(JPEG), "a.png"), "b": (io.BytesIO(JPEG), "b.png")}
    assert _problem(client.post("/api/detect", data=two)) == (400, "bad_request")


@pytest.mark.parametrize(
    "query", ["confidence=2", "confidence=nan", "confidence=x", "max_faces=0", "max_faces=x", "upsample=2"]
)
def test_invalid_queries_are_refused(client: FlaskClient, query: str) -> None:
    assert _problem(client.post(f"/api/detect?{query}", data=PICTURE)) == (400, "bad_request")


def test_too_many_bytes_and_too_many_pixels(account: StorageAccount) -> None:
    settings = account.settings.model_copy(update={"detect_max_mb": 1, "detect_max_megapixels": 0.25})
    own = InteractiveAnalyser(settings)
    client = create_app(replace(account.services, settings=settings, analyser=own)).test_client()
    assert _problem(client.post("/api/detect", data=bytes(3 << 20))) == (413, "request_entity_too_large")
    assert _problem(client.post("/api/detect", data=PICTURE)) == (413, "media_too_large")
    own.close()


def test_the_scope_analyse_is_needed(account: StorageAccount, tmp_path: Path) -> None:
    door = guarded(account, tmp_path)
    assert _problem(door.client.post("/api/detect", data=PICTURE)) == (401, "unauthorized")
    assert _problem(door.client.post("/api/detect", data=PICTURE, headers=door.headers("read"))) == (403, "forbidden")


def _engine(folder: Path, commands: Path) -> Path:
    """A folder of commands that calls itself OpenFace."""
    folder.mkdir()
    for command in commands.iterdir():
        if command.name != "engine.json":
            (folder / command.name).symlink_to(command)
    label = '{"name": "OpenFace", "version": "2.2.0", "licence_class": "research-only", "au_support": {}}'
    (folder / "engine.json").write_text(label)
    return folder


@pytest.fixture
def openface(account: StorageAccount, tmp_path: Path) -> Iterator[FlaskClient]:
    """An application beside which the stand-in of OpenFace is installed: its table's values are known."""
    engine = _engine(tmp_path / "engine", FAKES / "ok")
    settings = account.settings.model_copy(update={"openface_bin_dir": engine, "detect_children": 1})
    own = InteractiveAnalyser(settings)
    yield create_app(replace(account.services, settings=settings, analyser=own)).test_client()
    own.close()


def test_engine_openface_runs_the_installed_command(openface: FlaskClient) -> None:
    answer = openface.post("/api/analyse-image?engine=openface", data=PICTURE, content_type="image/png").get_json()
    assert answer["engine"] == {"name": "OpenFace", "version": "2.2.0", "licence_class": "research-only"}
    assert answer["seconds"] > 0
    [face] = answer["faces"]
    assert face["landmarks"] == [[100.0 + i, 100.0 + i] for i in range(68)]
    assert face["box"] == [100, 100, 67, 67]
    assert face["confidence"] == 0.98
    assert face["head_pose"]["rotation_deg"] == pytest.approx({"pitch": 5.73, "yaw": 5.73, "roll": 5.73})
    assert set(face["action_units"]["AU28_c"]) == {"presence", "support"}
    assert len(face["action_units"]) == 35


def test_engine_openface_is_free_again_after_each_request(
    openface: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactive, "OPENFACE_PATIENCE_S", 0.1)
    for content, status in ((b"no picture", 400), (PICTURE, 200), (PICTURE, 200)):
        assert openface.post("/api/analyse-image?engine=openface", data=content).status_code == status


def test_engine_openface_draws_the_overlay(openface: FlaskClient) -> None:
    answer = openface.post("/api/analyse-image?engine=openface&draw=true", data=PICTURE, content_type="image/png")
    drawn = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR)
    assert not np.array_equal(drawn, cv2.imread(str(ASTRONAUT)))


def test_engine_openface_is_refused_where_it_is_not_installed(client: FlaskClient) -> None:
    answer = client.post("/api/analyse-image?engine=openface", data=PICTURE, content_type="image/png")
    assert _problem(answer) == (400, "option_unavailable")
    assert "OPENFACE_BIN_DIR" in answer.get_json()["detail"]


def test_the_document_names_the_limits(client: FlaskClient) -> None:
    for route in ("/api/detect", "/api/analyse-image"):
        body = client.get("/openapi.json").get_json()["paths"][route]["post"]["requestBody"]
        assert set(body["content"]) >= {"image/jpeg", "image/png", "multipart/form-data", "application/json"}
        for name in ("DETECT_MAX_MB", "DETECT_MAX_MEGAPIXELS", "RATE_LIMIT_PER_MINUTE", "WebP"):
            assert name in body["description"]
