import json

import azure.functions as func
import pytest

from infra.local.loopback import free_ports
from tests.cloud_function.app_under_test import TRACEPARENT


def request(media="image", media_type="wild", container="c-1", method="POST", **params):
    return func.HttpRequest(
        method,
        "http://functions/api/analyse",
        params=params,
        route_params={"media": media, "media_type": media_type, "container": container},
        body=b"",
    )


def test_the_services_answer_comes_back(load_app, service):
    service.headers = {"Location": "/jobs/1", "Retry-After": "3", "X-Other": "1"}
    answer = load_app()["start_analysis_by_hand"](request(blob="a b.jpg", faces="many", code="function-key"))
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", "/analyse/image/wild/c-1")
    assert asked.query == {"blob": "a b.jpg", "faces": "many"}
    assert asked.headers["traceparent"] == TRACEPARENT
    assert (answer.status_code, answer.mimetype) == (202, "application/json")
    assert json.loads(answer.get_body()) == service.body
    assert answer.headers["Location"] == f"{service.url}/jobs/1"
    assert answer.headers["Retry-After"] == "3"
    assert "X-Other" not in answer.headers


@pytest.mark.parametrize("status", [200, 400, 401, 404, 413, 415, 429, 500, 503])
def test_every_status_is_handed_on(load_app, service, status):
    service.status, service.body = status, {"code": "some_code"}
    answer = load_app()["start_analysis_by_hand"](request())
    assert (answer.status_code, json.loads(answer.get_body())) == (status, {"code": "some_code"})


@pytest.mark.parametrize(
    ("media", "short", "path"),
    [
        ("image", "ip", "/analyse/image/posed/c-1"),
        ("Image", "IW", "/analyse/image/wild/c-1"),
        ("video", "vp", "/analyse/video/posed/c-1"),
        ("video", "vw", "/analyse/video/wild/c-1"),
    ],
)
def test_short_forms(load_app, service, media, short, path):
    assert load_app()["start_analysis_by_hand"](request(media, short)).status_code == 202
    assert service.asked[0].path == path


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"media": "sound"}, "unknown_media"),
        ({"media_type": "studio"}, "unknown_media_type"),
        ({"media_type": "vw"}, "unknown_media_type"),
        ({"container": "Upper"}, "bad_container"),
        ({"container": ".."}, "bad_container"),
        ({"container": "a--b"}, "bad_container"),
        ({"blob": ""}, "bad_blob"),
        ({"blob": "a/../b.jpg"}, "bad_blob"),
        ({"blob": "a\\..\\b.jpg"}, "bad_blob"),
        ({"blob": "a\x00.jpg"}, "bad_blob"),
        ({"blob": "a" * 1025}, "bad_blob"),
        ({"fases": "many"}, "unknown_option"),
    ],
)
def test_mistakes_are_told_without_asking_the_service(load_app, service, changes, code):
    answer = load_app()["start_analysis_by_hand"](request(**changes))
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert json.loads(answer.get_body())["code"] == code
    assert not service.asked


def test_a_service_that_is_away_is_a_503(load_app):
    answer = load_app(SERVICE_URL=f"http://127.0.0.1:{free_ports(1)[0]}")["start_analysis_by_hand"](request())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert json.loads(answer.get_body())["code"] == "service_unreachable"
