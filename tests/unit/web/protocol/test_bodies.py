"""Bodies: limited in length before they are read, and in number while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from flask import request
from flask_openapi3 import OpenAPI
from werkzeug.exceptions import RequestEntityTooLarge

from service.errors import Busy
from service.settings import Settings
from service.web.protocol import bodies, problems
from service.web.protocol.bodies import BODIES_AT_ONCE, LONGEST_BODY, body_stream, read_body, read_form, takes_body
from service.web.services import KEY


@pytest.fixture
def app() -> Iterator[OpenAPI]:
    app = OpenAPI("test")
    app.extensions[KEY] = SimpleNamespace(settings=Settings.load({"MAX_MEDIA_MB": "1"}))
    problems.register(app)
    bodies.guard(app)
    app.before_request(bodies.refuse_long_body)
    app.add_url_rule("/plain", "plain", lambda: "done", methods=["POST"])
    app.add_url_rule("/media", "media", takes_body()(lambda: str(len(read_body()))), methods=["POST"])
    app.add_url_rule("/small", "small", takes_body(lambda _: 10)(lambda: str(len(read_body()))), methods=["POST"])
    yield app


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/small", 10, 200),
        ("/small", 11, 413),
        ("/media", 1 << 20, 200),
        ("/media", (1 << 20) + 1, 413),
        ("/plain", LONGEST_BODY, 200),
        ("/plain", LONGEST_BODY + 1, 413),
        ("/nowhere", LONGEST_BODY + 1, 413),
    ],
)
def test_a_body_is_as_long_as_its_route_allows(app: OpenAPI, path: str, size: int, status: int) -> None:
    assert app.test_client().post(path, data=b"x" * size).status_code == status


def test_a_long_body_is_refused_unread(app: OpenAPI) -> None:
    with (
        app.test_request_context("/small", method="POST", content_length=1 << 40),
        pytest.raises(RequestEntityTooLarge),
    ):
        bodies.refuse_long_body()


def test_as_many_bodies_as_there_are_slots_are_taken_and_each_slot_is_given_back(app: OpenAPI) -> None:
    taken = [app.test_request_context("/media", method="POST") for _ in range(BODIES_AT_ONCE)]
    for each in taken:
        each.push()
        app.preprocess_request()
    try:
        with app.test_request_context("/media", method="POST"), pytest.raises(Busy):
            app.preprocess_request()
        # A route without a body needs none.
        assert app.test_client().post("/plain").status_code == 200
    finally:
        for each in reversed(taken):
            each.pop()
    assert app.test_client().post("/media", data=b"abc").text == "3"


def test_a_body_is_read_in_pieces_to_its_end(app: OpenAPI) -> None:
    with app.test_request_context("/media", method="POST", data=b"abcde"):
        stream = body_stream()
        assert [stream.read(2) for _ in range(4)] == [b"ab", b"cd", b"e", b""]


def test_a_forms_fields_may_be_as_long_as_the_body_and_keep_their_order(app: OpenAPI) -> None:
    # Flask's own limit of a form's fields is 500,000 bytes.
    long = "x" * 600_000
    parts = [("picture", long), ("picture", "second"), ('file"; filename="a.jpg', "pixels")]
    body = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in parts)
    kind = "multipart/form-data; boundary=b"
    with app.test_request_context("/media", method="POST", data=f"{body}--b--\r\n".encode(), content_type=kind):
        request.max_content_length = 1 << 20
        assert read_form() == ({"picture": [long, "second"]}, [b"pixels"])
