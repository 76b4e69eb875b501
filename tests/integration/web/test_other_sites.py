"""Pages of other sites cannot use a service without keys; named origins can call `/api/*`; proxies name the caller."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from flask import request
from flask.testing import FlaskClient

from infra.local.azurite import Azurite
from service.settings import BadSettings, Settings
from service.web.access.auth import Authenticator
from service.web.app import create_app
from tests.conftest import StorageAccount, account_on
from tests.integration.web.conftest import Guarded, make_job

LAB = "https://lab.example.org"
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}

Site = Callable[..., FlaskClient]


@pytest.fixture
def site(account: StorageAccount) -> Site:
    return _sites_of(account)


@pytest.fixture(scope="module")
def shared(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Applications for the tests that only read, made once for each of their settings."""
    return cache(_sites_of(account_on(azurite, tmp_path_factory.mktemp("shared"))))


def _sites_of(account: StorageAccount) -> Site:
    def made(**settings: str) -> FlaskClient:
        changed = {name: settings.get(name, "") for name in ("allowed_hosts", "cors_origins", "trusted_proxies")}
        app = create_app(account.services, Authenticator(account.settings.model_copy(update=changed)))
        app.add_url_rule("/caller", "pages.caller", lambda: str(request.remote_addr))
        return app.test_client()

    return made


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "127.0.0.1.evil.example", "", "localhost.evil"])
@pytest.mark.parametrize("path", ["/jobs", "/", "/openapi.json", "/session"])
def test_dns_rebinding_is_refused(shared: Site, host: str, path: str) -> None:
    answer = shared().get(path, headers={"Host": host})
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (403, "unknown_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:5000", "127.0.0.1:8080", "[::1]:5000"])
def test_loopback_names_are_known(shared: Site, host: str) -> None:
    assert shared().get("/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("web", "web:5000", 200),
        ("web", "localhost", 403),
        ("a.example, .lab.example", "x.lab.example", 200),
        ("a.example, .lab.example", "lab.example.evil", 403),
        ("*", "anything.example", 200),
    ],
)
def test_allowed_hosts_replace_the_default(shared: Site, allowed: str, host: str, status: int) -> None:
    assert shared(allowed_hosts=allowed).get("/jobs", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_and_metrics_answer_under_any_name(shared: Site, path: str) -> None:
    assert shared().get(path, headers={"Host": "10.1.2.3:5000", **CROSS_SITE}).status_code == 200


def test_a_cross_site_get_starts_nothing(account: StorageAccount, site: Site) -> None:
    account.put("a.jpg", b"x")
    client = site()
    path = f"/analyse/image/wild/{account.container}"
    for headers in (CROSS_SITE, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (403, "cross_site")
    assert client.get("/jobs", query_string={"container": account.container}).json["jobs"] == []
    assert client.get(path).status_code == 202


@pytest.mark.parametrize("method", ["post", "put", "delete", "get"])
def test_cross_site_requests_are_refused_by_every_method(account: StorageAccount, site: Site, method: str) -> None:
    job_id = make_job(account, "a.jpg").job.job_id
    client = site()
    assert getattr(client, method)(f"/jobs/{job_id}/cancel", headers=CROSS_SITE).status_code == 403
    assert client.get(f"/jobs/{job_id}").json["state"] == "queued"


def test_pages_open_from_links_of_other_sites(site: Site) -> None:
    client = site()
    for path in ("/", "/page/jobs", "/static/app.css"):
        with client.get(path, headers={**CROSS_SITE, "Sec-Fetch-Mode": "navigate"}) as answer:
            assert answer.status_code == 200


@pytest.mark.parametrize("origin", ["same-origin", "none", "same-site"])
def test_own_pages_and_typed_addresses_are_served(site: Site, origin: str) -> None:
    assert site().get("/jobs", headers={"Sec-Fetch-Site": origin}).status_code == 200


def test_with_keys_hosts_and_sites_do_not_matter(door: Callable[..., Guarded]) -> None:
    guarded = door()
    headers = {"Host": "media.example.org", **CROSS_SITE, **guarded.headers("read")}
    assert guarded.client.get("/jobs", headers=headers).status_code == 200


def test_a_named_origin_may_call_the_api(site: Site) -> None:
    client = site(cors_origins=f"{LAB}, http://localhost:3000")
    headers = {"Origin": LAB, "Sec-Fetch-Site": "cross-site", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/api/detect", headers=headers)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == LAB
    assert "X-API-Key" in preflight.headers["Access-Control-Allow-Headers"]
    answer = client.post("/api/detect", data=b"", headers=headers)
    assert answer.get_json(force=True)["code"] == "no_picture"
    assert answer.headers["Access-Control-Allow-Origin"] == LAB
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/api/detect", "https://evil.example"),
        ("/api/detect", f"{LAB}.evil.example"),
        ("/jobs", LAB),
        ("/session", LAB),
    ],
)
def test_other_origins_and_other_routes_stay_closed(site: Site, path: str, origin: str) -> None:
    client = site(cors_origins=LAB)
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    for answer in (client.options(path, headers=headers), client.get(path, headers=headers)):
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_preflight_needs_no_key_and_the_call_does(account: StorageAccount) -> None:
    keyed = Authenticator(Settings.load({"API_KEYS": f"a:read:{'0' * 64}", "CORS_ORIGINS": LAB}))
    client = create_app(account.services, keyed).test_client()
    assert client.options("/api/detect", headers={"Origin": LAB}).status_code == 204
    answer = client.post("/api/detect", data=b"x", headers={"Origin": LAB})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, LAB)


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "caller"),
    [
        ("", "10.0.0.1", "1.2.3.4", "10.0.0.1"),
        ("0", "10.0.0.1", "1.2.3.4", "10.0.0.1"),
        ("1", "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("2", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.0/8 fd00::/8", "fd00::1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/8", "9.9.9.9", "1.2.3.4", "9.9.9.9"),
        ("10.0.0.0/8", "10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", "nonsense", "nonsense"),
    ],
)
def test_trusted_proxies_name_the_caller(shared: Site, proxies: str, peer: str, forwarded: str, caller: str) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    client = shared(trusted_proxies=proxies)
    answer = client.get("/caller", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.text == caller


def test_a_proxy_cannot_rename_the_host(site: Site) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert site(trusted_proxies="1").get("/jobs", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("CORS_ORIGINS", value) for value in ("lab.example.org", f"{LAB}/page", "*", "null")),
        *(("TRUSTED_PROXIES", value) for value in ("10.0.0.1/8", "web", "11")),
    ],
)
def test_mistakes_in_the_settings_are_reported(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        Settings.load({name: value})


def test_readiness_is_checked_once_in_two_seconds(account: StorageAccount, client: FlaskClient) -> None:
    first, again = client.get("/readyz").json, client.get("/readyz").json
    assert first["checks"] == again["checks"]
