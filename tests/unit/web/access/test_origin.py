"""Other sites' pages: names that are not the service's, odd headers, and the answers to named origins."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from service.settings import Settings
from service.web.access.origin import OriginCheck
from service.web.protocol import problems

LAB = "https://lab.example.org"


def ask(path: str = "/jobs", method: str = "GET", *, keys_needed: bool = False, **headers: str) -> TestResponse:
    """The answer of an application on loopback that names one origin; `_` in a header's name is a dash."""
    app = Flask(__name__)
    for known in ("/jobs", "/api/detect"):
        app.add_url_rule(known, known, lambda: "here", methods=["GET", "POST"])
    problems.register(app)
    OriginCheck(Settings.load({"CORS_ORIGINS": LAB}), keys_needed=keys_needed).guard(app)
    given = {"Host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().open(path, method=method, headers=given)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:5000"])
def test_loopback_is_known_by_its_names(host: str) -> None:
    assert ask(Host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "[::1", "[zz]", "127.0.0.1@evil.example"])
def test_an_unknown_or_odd_host_is_refused(host: str) -> None:
    assert (ask(Host=host).status_code, ask(Host=host).get_json(force=True)["code"]) == (403, "unknown_host")
    # Keys are what protects then.
    assert ask(Host=host, keys_needed=True).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://[zz]/", "//", "x" * 5000])
def test_another_or_odd_origin_is_cross_site(origin: str) -> None:
    assert ask(method="POST", Origin=origin).get_json(force=True)["code"] == "cross_site"


def test_the_services_own_pages_may_ask() -> None:
    assert ask(method="POST", Origin="http://localhost").status_code == 200
    assert ask(method="POST", Origin="http://localhost", Sec_Fetch_Site="same-origin").status_code == 200
    assert ask(method="POST", Sec_Fetch_Site="cross-site").status_code == 403


def test_a_named_origin_may_call_the_routes_below_api_and_no_others() -> None:
    answer = ask("/api/detect", "POST", Origin=LAB.upper(), Sec_Fetch_Site="cross-site")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, LAB.upper())
    assert "Origin" in answer.headers["Vary"]
    assert ask("/jobs", Origin=LAB, Sec_Fetch_Site="cross-site").status_code == 403


def test_a_preflight_of_a_named_origin_is_answered_and_of_another_is_not() -> None:
    answer = ask("/api/detect", "OPTIONS", Origin=LAB, Sec_Fetch_Site="cross-site")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Methods"]) == (204, "POST")
    other = ask("/api/detect", "OPTIONS", Origin="https://evil.example", Sec_Fetch_Site="cross-site")
    assert (other.status_code, "Access-Control-Allow-Origin" in other.headers) == (403, False)


def test_answers_that_differ_by_origin_are_marked_for_caches() -> None:
    assert "Origin" in ask("/api/detect", "POST").headers["Vary"]
