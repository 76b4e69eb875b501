"""Security headers: on every answer, errors included; nothing of the API is kept or may load anything."""

from __future__ import annotations

import pytest

from service.web.protocol.security_headers import HEADERS, NOT_KEPT, NOTHING, PAGE
from tests.fixtures.open_app import open_app


@pytest.mark.parametrize("path", ["/nowhere", "/openapi.json", "/docs/swagger", "/page/jobs", "/page/jobs/x", "/jobs"])
def test_every_answer_has_the_headers(path: str) -> None:
    answer = open_app().test_client().delete(path) if path == "/jobs" else open_app().test_client().get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_apis_answers_load_nothing_and_are_not_kept() -> None:
    answer = open_app().test_client().get("/openapi.json")
    assert (answer.headers["Content-Security-Policy"], answer.headers["Cache-Control"]) == (NOTHING, NOT_KEPT)


def test_pages_load_the_services_own_files_alone() -> None:
    answer = open_app().test_client().get("/page/jobs")
    assert answer.headers["Content-Security-Policy"] == PAGE
    assert "unsafe" not in PAGE and "http" not in PAGE
    assert answer.headers["Permissions-Policy"].startswith("camera=(self)")


def test_scripts_are_no_pages_and_a_path_that_begins_like_the_docs_is_none() -> None:
    with open_app().test_client().get("/static/texts.js") as script:
        assert (script.status_code, script.headers["Content-Security-Policy"]) == (200, NOTHING)
    assert open_app().test_client().get("/docsother").headers["Content-Security-Policy"] == NOTHING
