"""A browser's session: begun with a key, ended with it, and of no use to other sites."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from service.settings import Settings
from service.web.access.auth import Authenticator
from service.web.access.keys import new_key
from service.web.access.session import TOKEN_HEADER
from service.web.app import create_app
from service.web.protocol.openapi import SESSION_COOKIE
from tests.conftest import StorageAccount
from tests.integration.web.conftest import Guarded, make_job


def begin(guarded: Guarded, name: str = "admin") -> dict[str, str]:
    """The header that this session's changes need."""
    answer = guarded.client.post("/session", headers=guarded.headers(name))
    assert answer.status_code == 201, answer.text
    return {TOKEN_HEADER: answer.json["csrf_token"]}


def test_a_key_is_exchanged_for_a_cookie(door: Callable[..., Guarded]) -> None:
    guarded = door()
    assert guarded.client.get("/session").json == {
        "asks_for_keys": True,
        "key": None,
        "scopes": [],
        "csrf_token": None,
    }
    answer = guarded.client.post("/session", headers=guarded.headers("read"))
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert guarded.keys["read"] not in cookie
    assert answer.headers["Cache-Control"] == "no-store"
    told = guarded.client.get("/session").json
    assert (told["key"], told["scopes"]) == ("read", ["read"])
    assert told["csrf_token"] == answer.json["csrf_token"]
    assert guarded.client.get("/jobs").status_code == 200
    guarded.client.delete("/session")
    assert guarded.client.get("/jobs").status_code == 401


@pytest.mark.parametrize(("host", "secure"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
def test_the_cookie_needs_tls_beyond_loopback(account: StorageAccount, host: str, secure: bool) -> None:
    text, key = new_key("read", ["read"])
    client = create_app(
        account.services, Authenticator(Settings.load({"API_KEYS": key.entry, "HOST": host}))
    ).test_client()
    cookie = client.post("/session", headers={"X-API-Key": text}).headers["Set-Cookie"]
    assert ("Secure" in cookie.split("; ")) is secure


def test_starting_work_by_session_needs_its_token(door: Callable[..., Guarded], account: StorageAccount) -> None:
    guarded = door()
    account.put("face.jpg", b"x")
    url = f"/analyse/image/wild/{account.container}?blob=face.jpg"
    token = begin(guarded)
    job_id = make_job(account, "other.jpg").job.job_id
    for ask, target in (
        (guarded.client.post, url),
        (guarded.client.get, url),
        (guarded.client.post, f"/jobs/{job_id}/cancel"),
    ):
        for headers in ({}, {TOKEN_HEADER: ""}, {TOKEN_HEADER: "x" * 43}, {TOKEN_HEADER: "ü"}):
            answer = ask(target, headers=headers)
            assert (answer.status_code, answer.json["code"]) == (403, "csrf")
        assert ask(target, headers=token).status_code == 202


def test_a_session_has_the_scopes_of_its_key(door: Callable[..., Guarded], account: StorageAccount) -> None:
    guarded = door()
    token = begin(guarded, "read")
    answer = guarded.client.post(f"/analyse/image/wild/{account.container}", headers=token)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    # What reads may have results made: that needs the token as well.
    assert guarded.client.post("/studies/pilot/results").json["code"] == "csrf"
    assert guarded.client.post("/studies/pilot/results", headers=token).status_code == 404


def test_a_revoked_key_ends_its_sessions(door: Callable[..., Guarded]) -> None:
    guarded = door()
    begin(guarded, "read")
    assert guarded.client.get("/jobs").status_code == 200
    kept = [line for line in guarded.file.read_text().splitlines() if not line.startswith("read:")]
    guarded.file.write_text("\n".join(kept))
    assert guarded.client.get("/jobs").status_code == 401
    # A new key of the same name is another key.
    _, again = new_key("read", ["read"])
    guarded.file.write_text("\n".join([*kept, again.entry]))
    assert guarded.client.get("/jobs").status_code == 401


def test_a_wrong_key_beside_a_session_is_refused(door: Callable[..., Guarded]) -> None:
    guarded = door()
    begin(guarded)
    assert guarded.client.get("/jobs", headers={"X-API-Key": "wrong"}).status_code == 401


def test_a_key_needs_no_token(door: Callable[..., Guarded], account: StorageAccount) -> None:
    guarded = door()
    begin(guarded)
    job_id = make_job(account, "a.jpg").job.job_id
    assert guarded.client.post(f"/jobs/{job_id}/cancel", headers=guarded.headers("admin")).status_code == 202


def _with_cookie(client: FlaskClient, value: str) -> int:
    client.set_cookie(SESSION_COOKIE, value)
    return client.get("/jobs").status_code


def test_a_forged_cookie_is_not_accepted(door: Callable[..., Guarded]) -> None:
    other = door(SESSION_SECRET="b" * 32)
    begin(other)
    theirs = other.client.get_cookie(SESSION_COOKIE)
    assert theirs is not None
    guarded = door(SESSION_SECRET="a" * 32)
    for value in ("", "x", "{}", "e30.x.y", theirs.value, guarded.keys["admin"]):
        assert _with_cookie(guarded.client, value) == 401
    begin(guarded)
    good = guarded.client.get_cookie(SESSION_COOKIE)
    assert good is not None
    assert _with_cookie(guarded.client, good.value[:-2]) == 401
    assert _with_cookie(guarded.client, good.value) == 200


def test_processes_with_one_secret_share_sessions(door: Callable[..., Guarded]) -> None:
    guarded = door(SESSION_SECRET="a" * 32)
    begin(guarded)
    cookie = guarded.client.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    settings = Settings.load({"API_KEYS_FILE": str(guarded.file), "SESSION_SECRET": "a" * 32})
    assert _with_cookie(create_app(None, Authenticator(settings)).test_client(), cookie.value) != 401


def test_without_keys_no_session_is_needed(account: StorageAccount) -> None:
    client = create_app(account.services).test_client()
    assert client.get("/session").json["asks_for_keys"] is False
    assert client.post("/session").status_code == 201
    assert client.get("/jobs").status_code == 200
