import json

import azure.functions as func
import pytest

from infra.local.loopback import free_ports
from service.jobs.options import RequestedOptions
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
    (asked,) = service.requests
    assert (asked.method, asked.path) == ("POST", "/analyse/image/wild/c-1")
    assert asked.query == {"blob": "a b.jpg", "faces": "many"}
    assert asked.headers["traceparent"] == TRACEPARENT
    assert (answer.status_code, answer.mimetype) == (202, "application/json")
    assert json.loads(answer.get_body()) == service.body
    assert answer.headers["Location"] == f"{service.url}/jobs/1"
    assert answer.headers["Retry-After"] == "3"
    assert "X-Other" not in answer.headers


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 429, 500, 503])
def test_every_problem_of_the_service_is_handed_on(load_app, service, status):
    service.status, service.body = status, {"code": "some_code"}
    answer = load_app()["start_analysis_by_hand"](request())
    assert (answer.status_code, json.loads(answer.get_body())) == (status, {"code": "some_code"})


@pytest.mark.parametrize("status", [200, 301, 404, 502])
def test_another_servers_answer_is_a_503(load_app, service, status):
    service.status, service.content_type, service.body = status, "text/html", b"<h1>no replica</h1>"
    service.headers = {"Location": "/elsewhere"} if status == 301 else {}
    answer = load_app()["start_analysis_by_hand"](request())
    assert (answer.status_code, json.loads(answer.get_body())["code"]) == (503, "service_unreachable")


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ({"media": "image", "media_type": "ip"}, "/analyse/image/ip/c-1"),
        ({"media": "Image", "media_type": "IW"}, "/analyse/Image/IW/c-1"),
        ({"media": "sound", "container": "$web"}, "/analyse/sound/wild/$web"),
    ],
)
def test_the_service_decides_what_may_be_requested(load_app, service, words, path):
    query = {"blob": "a/../b\\c.jpg", "engine": "lite", "fases": "many", "region": "0,0,9,9"}
    assert load_app()["start_analysis_by_hand"](request(**words, **query)).status_code == 202
    (asked,) = service.requests
    assert (asked.path, asked.query) == (path, query)


def test_every_option_of_the_services_model_is_passed_on(load_app, service):
    """The app ships apart from the service; neither may know options that the other loses."""
    query = {name: f"value of {name}" for name in RequestedOptions.model_fields}
    assert len(query) >= 5
    assert load_app()["start_analysis_by_hand"](request(**query)).status_code == 202
    (asked,) = service.requests
    assert asked.query == query


@pytest.mark.parametrize("name", ["media", "media_type", "container"])
@pytest.mark.parametrize("word", ["..", ".", "", "a/b", "a%2Fb", "a b", "a?b", "ü", "a" * 64])
def test_a_word_that_would_change_the_path_is_refused(load_app, service, name, word):
    answer = load_app()["start_analysis_by_hand"](request(**{name: word}))
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert json.loads(answer.get_body())["code"] == "bad_path"
    assert not service.requests


def test_a_service_that_is_away_is_a_503(load_app):
    answer = load_app(SERVICE_URL=f"http://127.0.0.1:{free_ports(1)[0]}")["start_analysis_by_hand"](request())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert json.loads(answer.get_body())["code"] == "service_unreachable"
