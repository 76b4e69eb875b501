"""Error responses: a page for browsers, a problem for programs."""

from __future__ import annotations

import pytest
from flask import Flask
from pydantic import BaseModel, ValidationError
from werkzeug.test import TestResponse

from service.errors import NotFound, StorageUnavailable
from service.web.protocol import problems
from tests.fixtures.open_app import open_app


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "application/problem+json"),
        ("application/json", "application/problem+json"),
        ("image/avif,image/webp,*/*;q=0.8", "application/problem+json"),
    ],
)
def test_an_unknown_address_is_a_page_for_browsers_and_a_problem_for_programs(accept, kind):
    answer = open_app().test_client().get("/no/such/<page>", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, kind)
    assert "Accept" in answer.headers["Vary"]
    if kind == "text/html":
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "Not Found" in answer.text


def asked(error: Exception, **headers: str) -> TestResponse:
    """The answer of an application whose only route raises."""
    app = Flask(__name__)

    def fails() -> str:
        raise error

    app.add_url_rule("/", "fails", fails)
    problems.register(app)
    return app.test_client().get("/", headers=headers)


def test_a_known_error_keeps_status_code_and_message() -> None:
    answer = asked(NotFound("there is no job 7", "job_not_found"))
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.get_json(force=True) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "job_not_found",
        "detail": "there is no job 7",
    }


def test_an_outage_says_when_to_try_again() -> None:
    answer = asked(StorageUnavailable("away"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Retry-After" not in asked(NotFound("x", "y")).headers


def test_a_fault_says_nothing_of_itself() -> None:
    answer = asked(RuntimeError("the secret is hush"))
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (500, "internal_error")
    assert "hush" not in answer.text


def test_a_wrong_method_names_the_right_ones() -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: "", methods=["POST"])
    problems.register(app)
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_parameters_that_do_not_fit_are_named_each() -> None:
    class Query(BaseModel):
        limit: int
        cursor: str

    with pytest.raises(ValidationError) as caught:
        Query.model_validate({"limit": "many"})
    with Flask(__name__).test_request_context("/"):
        answer = problems.from_validation(caught.value)
    body = answer.get_json(force=True)
    assert (answer.status_code, body["code"]) == (400, "bad_request")
    assert body["detail"].startswith("limit: ") and "; cursor: Field required" in body["detail"]
