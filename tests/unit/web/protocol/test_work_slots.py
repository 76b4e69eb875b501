"""Slots for work: one a request, given back when it ends, fails or waits."""

from __future__ import annotations

import threading

import pytest
from flask import Flask, request

from service.web.protocol import work_slots


def app_of(at_once: int, asked: list[int] | None = None) -> Flask:
    app = Flask(__name__)

    def slots() -> int:
        if asked is not None:
            asked.append(at_once)
        return at_once

    def fails() -> str:
        raise KeyError("fault")

    work_slots.guard(app, slots, exempt=lambda: request.path == "/healthz")
    app.add_url_rule("/", "index", lambda: "done")
    app.add_url_rule("/healthz", "healthz", lambda: "ok")
    app.add_url_rule("/fails", "fails", fails)
    return app


def is_free(app: Flask) -> bool:
    """Whether a request ends within a second, on a thread of its own."""
    ended = threading.Event()
    threading.Thread(target=lambda: (app.test_client().get("/"), ended.set()), daemon=True).start()
    return ended.wait(1)


def test_a_slot_is_given_back_by_answers_and_by_faults() -> None:
    asked: list[int] = []
    app = app_of(1, asked)
    for path in ("/", "/fails", "/nowhere", "/", "/"):
        app.test_client().get(path)
    # The number is asked once.
    assert asked == [1]
    assert is_free(app)


def test_a_request_that_waits_holds_no_slot_and_takes_one_again() -> None:
    app = app_of(1)
    with app.test_request_context("/"):
        app.preprocess_request()
        with work_slots.given_back():
            assert is_free(app)
        held = threading.Event()
        late = threading.Thread(target=lambda: (app.test_client().get("/"), held.set()), daemon=True)
        late.start()
        assert not held.wait(0.05)
    late.join(5)
    assert held.is_set()


def test_a_request_that_fails_while_it_waits_has_its_slot_again() -> None:
    app = app_of(1)
    with app.test_request_context("/"):
        app.preprocess_request()
        with pytest.raises(KeyError), work_slots.given_back():
            raise KeyError
    assert is_free(app)


def test_health_needs_no_slot() -> None:
    app = app_of(1)
    with app.test_request_context("/"):
        app.preprocess_request()
        assert app.test_client().get("/healthz").text == "ok"
