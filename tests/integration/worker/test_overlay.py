"""`overlay=1`: the drawn copy is published beside the manifest, before the CSV, and served."""

from __future__ import annotations

from flask.testing import FlaskClient

from service.web.app import create_app
from tests.conftest import ASTRONAUT
from tests.integration.worker.conftest import Bench


def test_the_overlay_is_published_and_served(bench: Bench) -> None:
    client = create_app(bench.account.services).test_client()
    bench.account.put("face.png", ASTRONAUT.read_bytes())
    route = f"/analyse/image/wild/{bench.account.container}"
    [plain] = client.post(route).get_json()["jobs"]
    [drawn] = client.post(f"{route}?overlay=true").get_json()["jobs"]
    assert plain["id"] != drawn["id"]
    assert client.post(f"{route}?overlay=1").get_json()["jobs"][0]["id"] == drawn["id"]
    with bench.worker():
        bench.until(lambda: all(_state(client, job) == "succeeded" for job in (plain, drawn)))
    told = client.get(drawn["links"]["self"]).get_json()
    answer = client.get(told["links"]["overlay"])
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert answer.data.startswith(b"\xff\xd8")
    assert sorted(name.rsplit("/", 1)[1] for name in bench.published() if drawn["id"] in name) == [
        "face.csv",
        "manifest.json",
        "overlay.jpg",
    ]
    assert "overlay" not in client.get(plain["links"]["self"]).get_json()["links"]
    missing = client.get(f"/jobs/{plain['id']}/overlay")
    assert (missing.status_code, missing.get_json()["code"]) == (404, "no_overlay")


def _state(client: FlaskClient, job: dict) -> str:
    return client.get(job["links"]["self"]).get_json()["state"]
