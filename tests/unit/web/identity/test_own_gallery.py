"""Each key has one gallery, by its own name; another's is not found, whether it exists or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, g
from werkzeug.exceptions import Forbidden

from service.errors import NotFound
from service.web.access.auth import KEYS
from service.web.access.keys import KeyRing, new_key
from service.web.identity.own_gallery import is_own_gallery, key_in_body, legacy_consent, own_gallery

TEXT, ANNA = new_key("anna", ["identity"])


@pytest.fixture(autouse=True)
def app() -> Iterator[Flask]:
    app = Flask(__name__)
    with app.test_request_context("/"):
        yield app


def test_a_gallery_has_its_keys_name() -> None:
    assert own_gallery() == own_gallery("anonymous") == "anonymous"
    g.key = ANNA
    assert own_gallery() == own_gallery("anna") == "anna"
    assert is_own_gallery("anna")


@pytest.mark.parametrize("name", ["ben", "ANNA", "anonymous", "x" * 5000])
def test_another_gallery_is_not_found(name: str) -> None:
    g.key = ANNA
    with pytest.raises(NotFound) as missing:
        own_gallery(name)
    assert missing.value.code == "gallery_not_found"


def test_a_key_without_the_scope_may_not_use_its_gallery_in_jobs() -> None:
    g.key = new_key("anna", ["analyse"])[1]
    with pytest.raises(Forbidden):
        is_own_gallery("anna")


def test_a_key_in_a_body_is_one_of_the_servers(app: Flask, tmp_path) -> None:
    (tmp_path / "keys").write_text(f"{ANNA.entry}\n")
    app.extensions[KEYS] = KeyRing(file=tmp_path / "keys")
    assert key_in_body(TEXT) == ANNA
    for wrong in (TEXT + "x", "", None, 5, [TEXT], {"key": TEXT}):
        assert key_in_body(wrong) is None


def test_an_older_callers_consent_names_its_gallery() -> None:
    assert legacy_consent("anna") == "legacy:anna"
