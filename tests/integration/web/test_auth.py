"""The door: who gets in, who does not, and what is said about it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from infra.local.azurite import Azurite
from service.settings import Settings
from service.web.access.auth import HEALTH, Authenticator, declared_scopes
from service.web.access.keys import SCOPES, new_key
from service.web.access.rate_limit import RateLimit, address_of
from service.web.app import create_app
from service.web.protocol.security_headers import NOTHING, PAGE
from service.web.routes.pages import is_page
from tests.conftest import StorageAccount, account_on
from tests.integration.web.conftest import Guarded, guarded, make_job

JOB = "0" * 32
PROBLEM = "application/problem+json"

# What each route needs. A new route has to be added here, and with `security=needs(...)` where it is made.
NEEDED = {
    ("GET", "/metrics"): "read",
    ("GET", "/uploads"): "read",
    ("PUT", "/uploads"): "analyse",
    ("PUT", "/uploads/<name>"): "analyse",
    ("GET", "/uploads/<name>"): "read",
    ("POST", "/api/detect"): "analyse",
    ("POST", "/api/analyse-image"): "analyse",
    ("GET", "/analyse/<media>/<media_type>/<name>"): "analyse",
    ("POST", "/analyse/<media>/<media_type>/<name>"): "analyse",
    ("GET", "/jobs"): "read",
    ("GET", "/jobs/<job_id>"): "read",
    ("GET", "/jobs/<job_id>/events"): "read",
    ("GET", "/jobs/<job_id>/results"): "read",
    ("GET", "/jobs/<job_id>/result.csv"): "read",
    ("GET", "/jobs/<job_id>/manifest.json"): "read",
    ("GET", "/jobs/<job_id>/overlay"): "read",
    ("GET", "/jobs/<job_id>/report.html"): "read",
    ("GET", "/jobs/<job_id>/summary.json"): "read",
    ("GET", "/jobs/<job_id>/methods.txt"): "read",
    ("GET", "/jobs/<job_id>/citation.bib"): "read",
    ("GET", "/jobs/<job_id>/aligned"): "read",
    ("GET", "/jobs/<job_id>/faces"): "read",
    ("GET", "/jobs/<job_id>/files.zip"): "read",
    ("GET", "/jobs/<job_id>/result.parquet"): "read",
    ("GET", "/jobs/<job_id>/annotations"): "read",
    ("PUT", "/jobs/<job_id>/annotations"): "analyse",
    ("GET", "/jobs/<job_id>/series"): "read",
    ("GET", "/jobs/<job_id>/media"): "read",
    ("GET", "/jobs/<job_id>/proxy"): "read",
    ("POST", "/jobs/<job_id>/rerun"): "analyse",
    ("POST", "/jobs/<job_id>/cancel"): "analyse",
    ("GET", "/jobs/<job_id>/poster.jpg"): "read",
    ("GET", "/studies"): "read",
    ("GET", "/studies/<study>"): "read",
    ("GET", "/studies/<study>/jobs"): "read",
    ("POST", "/studies/<study>/results"): "read",
    ("GET", "/studies/<study>/table.csv"): "read",
    ("GET", "/studies/<study>/table.parquet"): "read",
    ("GET", "/studies/<study>/report.html"): "read",
    ("GET", "/schema"): "read",
    ("GET", "/schema/<version>"): "read",
}
NOT_FOR_OWN = {("GET", "/metrics")}
"""Routes for which the scope of the key's own jobs is not enough: what they show is of all."""


def accepted(method: str, rule: str) -> tuple[str, ...]:
    """Scopes that open a route: the one of all jobs, and the one of own jobs."""
    needed = NEEDED[method, rule]
    return (needed,) if (method, rule) in NOT_FOR_OWN else (needed, f"{needed}:own")


OPEN = ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/", "/docs/swagger", "/docs/openapi.json"]
PAGES = [
    "/",
    "/page/about",
    "/page/analyse",
    "/page/batch",
    "/page/jobs",
    "/page/studies",
    "/page/studies/pilot",
    f"/page/jobs/{JOB}",
    "/static/app.css",
    "/static/session.js",
]
WITHOUT_WHAT_IT_NEEDS = {200, 400, 404, 411}
"""Past the door, routes miss their bodies and parameters."""


@pytest.fixture(scope="module")
def shared(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Guarded:
    """One application for the tests whose requests change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    return guarded(account_on(azurite, folder), folder, RATE_LIMIT_PER_MINUTE="0")


def _url(rule: str) -> str:
    values = {"version": "1", "media": "image", "media_type": "wild", "name": "no-such-upload", "job_id": JOB}
    values["study"] = "no-such-study"
    return re.sub(r"<(\w+)>", lambda found: values[found[1]], rule)


def test_every_route_declares_its_scope() -> None:
    app = create_app(None)
    declared = declared_scopes(app)
    found = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint in HEALTH or is_page(rule.endpoint) or rule.rule.startswith("/docs"):
            continue
        if rule.rule in {"/openapi.json", "/session"}:
            continue
        for method in (rule.methods or set()) - {"HEAD"}:
            found[method, rule.rule] = declared.get((rule.endpoint, method))
    assert found == {place: accepted(*place) for place in NEEDED}


def test_a_route_without_a_declared_scope_needs_admin(account: StorageAccount) -> None:
    reader, admin = new_key("reader", ["read", "analyse"]), new_key("boss", ["admin"])
    settings = Settings.load({"API_KEYS": f"{reader[1].entry} {admin[1].entry}"})
    app = create_app(account.services, Authenticator(settings))
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    client = app.test_client()
    assert client.get("/forgotten").status_code == 401
    refused = client.get("/forgotten", headers={"X-API-Key": reader[0]})
    assert (refused.status_code, "`admin`" in refused.json["detail"]) == (403, True)
    assert client.get("/forgotten", headers={"X-API-Key": admin[0]}).data == b"secret"


@pytest.mark.parametrize(("method", "rule"), NEEDED)
def test_each_route_by_each_key(shared: Guarded, method: str, rule: str) -> None:
    needed = NEEDED[method, rule]
    without = shared.client.open(_url(rule), method=method)
    assert (without.status_code, without.content_type, without.json["code"]) == (401, PROBLEM, "unauthorized")
    assert without.headers["WWW-Authenticate"] == 'Bearer realm="faceline"'
    for scope in SCOPES:
        for headers in (shared.headers(scope), {"Authorization": f"Bearer {shared.keys[scope]}"}):
            answer = shared.client.open(_url(rule), method=method, headers=headers)
            if scope in {*accepted(method, rule), "admin"}:
                assert answer.status_code in WITHOUT_WHAT_IT_NEEDS
                continue
            assert (answer.status_code, answer.content_type, answer.json["code"]) == (403, PROBLEM, "forbidden")
            assert f"`{needed}`" in answer.json["detail"]
            assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]


def test_each_route_documents_its_refusals(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert set(document["components"]["securitySchemes"]) == {"key", "bearer", "session"}
    for method, rule in NEEDED:
        operation = document["paths"][rule.replace("<", "{").replace(">", "}")][method.lower()]
        schemes = ("key", "bearer", "session")
        assert operation["security"] == [{scheme: [one]} for one in accepted(method, rule) for scheme in schemes]
        for status in ("401", "403", "429"):
            assert list(operation["responses"][status]["content"]) == [PROBLEM]


@pytest.mark.parametrize("path", OPEN)
def test_open_pages_need_no_key(shared: Guarded, path: str) -> None:
    assert shared.client.get(path).status_code in {200, 302, 308}


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_open_and_hold_no_data(door: Callable[..., Guarded], path: str, account: StorageAccount) -> None:
    account.put("face.jpg", b"x")
    answer = door().client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"] == (NOTHING if path.startswith("/static/") else PAGE)
    assert account.container not in answer.text
    answer.close()


@pytest.mark.parametrize("path", ["/static/", "/static/../app.py", "/static/nothing.js"])
def test_no_other_file_is_served_as_static(shared: Guarded, path: str) -> None:
    assert shared.client.get(path).status_code in {401, 404}


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/page", "/page/", "/page/nothing", "/docsx", "/openapi.jsonx", "/healthz/", "/JOBS", "/jobs//"],
)
def test_requests_without_a_key_learn_no_paths(shared: Guarded, path: str) -> None:
    assert shared.client.get(path).status_code == 401
    assert shared.client.get(path, headers=shared.headers("read")).status_code == 404
    assert shared.client.delete("/jobs").status_code == 401
    assert shared.client.delete("/jobs", headers=shared.headers("read")).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": ""},
        {"X-API-Key": " "},
        {"X-API-Key": "{key}x"},
        {"X-API-Key": "x{key}"},
        {"X-API-Key": "{key}, {key}"},
        {"X-API-Key": "{KEY}"},
        {"X-API-Key": "Bearer {key}"},
        {"X-API-Key": "ü"},
        {"X-API-Key": "{digest}"},
        {"X-API-Key": "admin:admin:{digest}"},
        {"X-API-Key": "x" * 8000},
        {"X-API-Key": "wrong", "Authorization": "Bearer {key}"},
        {"Authorization": "{key}"},
        {"Authorization": "Basic {key}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer {key} {key}"},
        {"Authorization": "Bearer {key},"},
        {"Cookie": "X-API-Key={key}"},
        {"API-Key": "{key}"},
    ],
)
def test_wrong_keys_of_many_kinds(shared: Guarded, headers: dict[str, str]) -> None:
    import hashlib

    key = shared.keys["admin"]
    words = {"{key}": key, "{KEY}": key.upper(), "{digest}": hashlib.sha256(key.encode()).hexdigest()}
    filled = dict(headers)
    for name in filled:
        for word, text in words.items():
            filled[name] = filled[name].replace(word, text)
    answer = shared.client.get("/jobs", headers=filled)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert key not in answer.text


def test_a_key_in_the_url_is_not_accepted(door: Callable[..., Guarded]) -> None:
    guarded = door()
    for name in ("X-API-Key", "api_key", "key", "access_token"):
        assert guarded.client.get(f"/jobs?{name}={guarded.keys['admin']}").status_code == 401


@pytest.mark.parametrize("spelled", ["bearer {}", "BEARER {}", "Bearer   {} "])
def test_bearer_is_read_in_every_form_of_the_rfc(door: Callable[..., Guarded], spelled: str) -> None:
    guarded = door()
    headers = {"Authorization": spelled.format(guarded.keys["read"])}
    assert guarded.client.get("/jobs", headers=headers).status_code == 200


def test_keys_are_added_and_revoked_without_a_restart(door: Callable[..., Guarded]) -> None:
    guarded = door()
    text, key = new_key("late", ["read"])
    headers = {"X-API-Key": text}
    assert guarded.client.get("/jobs", headers=headers).status_code == 401
    before = guarded.file.read_text()
    guarded.file.write_text(f"{before}{key.entry}\n")
    assert guarded.client.get("/jobs", headers=headers).status_code == 200
    guarded.file.write_text(before)
    assert guarded.client.get("/jobs", headers=headers).status_code == 401
    guarded.file.write_text("# no keys\n")
    assert guarded.client.get("/jobs", headers=guarded.headers("admin")).status_code == 401


def test_head_needs_the_scope_of_get(door: Callable[..., Guarded]) -> None:
    guarded = door()
    assert guarded.client.head("/jobs").status_code == 401
    assert guarded.client.head("/jobs", headers=guarded.headers("analyse")).status_code == 403
    assert guarded.client.head("/jobs", headers=guarded.headers("read")).status_code == 200


def test_refusals_come_before_the_route_runs(door: Callable[..., Guarded], account: StorageAccount) -> None:
    guarded = door()
    account.put("face.jpg", b"x")
    url = f"/analyse/image/wild/{account.container}?blob=face.jpg"
    assert guarded.client.post(url, headers=guarded.headers("read")).status_code == 403
    job_id = make_job(account, "other.jpg").job.job_id
    assert guarded.client.post(f"/jobs/{job_id}/cancel", headers=guarded.headers("read")).status_code == 403
    states = {
        job["blob"]: job["state"] for job in guarded.client.get("/jobs", headers=guarded.headers("read")).json["jobs"]
    }
    assert states == {"other.jpg": "queued"}


def test_the_rate_limit_counts_each_key_alone(door: Callable[..., Guarded]) -> None:
    guarded = door(RATE_LIMIT_PER_MINUTE="3")
    for name in ("read", "admin"):
        assert [_status(guarded, name) for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = guarded.client.get("/jobs", headers=guarded.headers("read"))
    assert (answer.content_type, answer.json["code"]) == (PROBLEM, "rate_limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    for path in ("/healthz", "/readyz"):
        assert {guarded.client.get(path, headers=guarded.headers("read")).status_code for _ in range(5)} == {200}


def test_wrong_keys_do_not_bypass_the_limit(door: Callable[..., Guarded]) -> None:
    guarded = door(RATE_LIMIT_PER_MINUTE="3")
    wrong = [guarded.client.get("/jobs", headers={"X-API-Key": f"wrong-{n}"}).status_code for n in range(5)]
    assert wrong == [401, 401, 401, 429, 429]
    assert _status(guarded, "read") == 200


def test_anonymous_callers_are_counted_by_address(account: StorageAccount) -> None:
    settings = Settings.load({"RATE_LIMIT_PER_MINUTE": "4", "WEB_WORKERS": "2"})
    client = create_app(account.services, Authenticator(settings)).test_client()
    for address in ("192.0.2.1", "192.0.2.2"):
        # Half of it: the other process has the other half.
        got = [client.get("/jobs", environ_base={"REMOTE_ADDR": address}).status_code for _ in range(3)]
        assert got == [200, 200, 429]


def test_limit_zero_is_unlimited_and_each_process_has_a_share() -> None:
    assert [RateLimit(0, 2).wait_s("x") for _ in range(2000)] == [0] * 2000
    least = RateLimit(1, 8)
    assert least.wait_s("x") == 0
    assert 1 <= least.wait_s("x") <= 60


@pytest.mark.parametrize(
    ("peer", "caller"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "2001:db8::/64"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_ipv6_addresses_count_by_network(peer: str, caller: str) -> None:
    assert address_of(peer) == caller


def _status(guarded: Guarded, name: str) -> int:
    return guarded.client.get("/jobs", headers=guarded.headers(name)).status_code
