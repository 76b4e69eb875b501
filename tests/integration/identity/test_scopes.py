"""Every route that comes with identity, by a key of each scope: those of jobs are in `web/test_auth.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service.identity.services import IdentityServices
from service.settings import Settings
from service.web.access.auth import declared_scopes
from service.web.access.keys import SCOPES, new_key
from service.web.app import create_app
from service.web.protocol.security_headers import is_page
from tests.integration.identity.conftest import identity_client

PLACEHOLDERS = {"gallery": "other", "job_id": "0" * 32}
REFUSED = {401, 403}
KEY_IN_BODY = {"identity_names.train", "identity_names.recognize", "identity_names.recognize_plain"}
"""The older forms, which look for their key themselves."""


@pytest.fixture
def keys() -> dict[str, tuple[str, str]]:
    """Text and entry of a key for each scope."""
    made = {scope: new_key(scope.replace(":", "-"), [scope]) for scope in SCOPES}
    return {scope: (text, key.entry) for scope, (text, key) in made.items()}


@pytest.fixture
def client(keys: dict[str, tuple[str, str]], tmp_path: Path) -> Iterator[FlaskClient]:
    settings = Settings.load(
        {
            "IDENTITY": "on",
            "IDENTITY_LEGACY": "on",
            "API_KEYS": " ".join(entry for _, entry in keys.values()),
            "WORKSPACE": str(tmp_path),
            "RATE_LIMIT_PER_MINUTE": "0",
        }
    )
    identity = IdentityServices(settings)
    yield identity_client(settings, identity)
    identity.store.close()


def test_each_route_of_identity_is_for_the_scope_that_it_declares(
    client: FlaskClient, keys: dict[str, tuple[str, str]]
) -> None:
    app = client.application
    declared = declared_scopes(app)  # type: ignore[arg-type]
    own = {(rule.endpoint, rule.rule) for rule in app.url_map.iter_rules() if not is_page(rule.endpoint)}
    own -= {(rule.endpoint, rule.rule) for rule in create_app(None).url_map.iter_rules()}  # type: ignore[arg-type]
    assert len(own) > 10
    methods = {
        rule.endpoint: sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}) for rule in app.url_map.iter_rules()
    }
    for endpoint, rule in sorted(own):
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: PLACEHOLDERS.get(found[1], "missing"), rule)
        for method in methods[endpoint]:
            scopes = ("identity",) if endpoint in KEY_IN_BODY else declared[endpoint, method]
            assert scopes
            # A body that lacks the key is a body that lacks a field.
            keyless = 400 if endpoint in KEY_IN_BODY else 401
            assert client.open(path, method=method).status_code == keyless, (method, rule)
            for scope in SCOPES:
                status = client.open(path, method=method, headers={"X-API-Key": keys[scope][0]}).status_code
                opens = scope in {*scopes, "admin"}
                assert (status not in REFUSED) == opens, (method, rule, scope, status)
