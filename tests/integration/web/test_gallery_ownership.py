"""A job's gallery belongs to one key: others neither see its name nor run the job again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import now
from service.jobs.result_place import ResultPlace
from service.results.publish import commit, publish_artefacts
from service.settings import Settings
from service.web.access.auth import Authenticator
from service.web.access.keys import new_key
from service.web.app import create_app
from service.web.identity.own_gallery import is_own_gallery
from service.web.services import IS_OWN_GALLERY
from tests.conftest import StorageAccount
from tests.integration.web.conftest import TRACE

SCOPES = {
    "lab": ["analyse", "read", "identity"],
    "clinic": ["analyse", "read", "identity"],
    "desk": ["analyse", "read"],
}


@dataclass(frozen=True)
class Callers:
    client: FlaskClient
    keys: dict[str, str]
    job_id: str

    def ask(self, name: str, method: str, path: str = "") -> tuple[int, dict]:
        headers = {"X-API-Key": self.keys[name]}
        answer = self.client.open(f"/jobs/{self.job_id}{path}", method=method, headers=headers)
        return answer.status_code, answer.get_json(force=True)


@pytest.fixture
def callers(account: StorageAccount, tmp_path: Path) -> Callers:
    """A finished job with the gallery of the key `lab`."""
    made = {name: new_key(name, scopes) for name, scopes in SCOPES.items()}  # type: ignore[arg-type]
    entries = " ".join(key.entry for _, key in made.values())
    app = create_app(account.services, Authenticator(Settings.load({"API_KEYS": entries})))
    app.extensions[IS_OWN_GALLERY] = is_own_gallery
    options = JobOptions.resolve("image", "wild", {"gallery": "lab"}, galleries=True)
    job = AnalysisJob(account.container, "a.jpg", "0x1", "image", "wild", options)
    record = account.services.submitter.submit(job, TRACE)
    running = account.services.table.update(record.claimed("w", "a1", 60, now()))
    place = ResultPlace.of(job, account.settings.results_container)
    table = tmp_path / "t.csv"
    table.write_bytes(b"confidence\n")
    publish_artefacts(account.services.blobs, place, "a1", {"job": {"options": {"gallery": "lab"}}}, [])
    commit(account.services.blobs, place, "a1", table, "feed")
    account.services.table.update(running.succeeded("a1", now()))
    return Callers(app.test_client(), {name: text for name, (text, _) in made.items()}, job.job_id)


@pytest.mark.parametrize(("name", "gallery"), [("lab", "lab"), ("clinic", ""), ("desk", "")])
def test_the_gallery_is_shown_to_its_owner_only(callers: Callers, name: str, gallery: str) -> None:
    assert callers.ask(name, "GET")[1]["options"]["gallery"] == gallery
    assert callers.ask(name, "GET", "/manifest.json")[1]["job"]["options"]["gallery"] == gallery
    assert callers.ask(name, "GET", "/results")[1]["manifest"]["job"]["options"]["gallery"] == gallery


@pytest.mark.parametrize(("name", "status", "code"), [("clinic", 404, "gallery_not_found"), ("desk", 403, "forbidden")])
def test_others_do_not_run_it_again(callers: Callers, name: str, status: int, code: str) -> None:
    answered, body = callers.ask(name, "POST", "/rerun")
    assert (answered, body["code"]) == (status, code)


def test_its_owner_runs_it_again(callers: Callers) -> None:
    status, body = callers.ask("lab", "POST", "/rerun")
    assert (status, body["options"]["gallery"], body["generation"]) == (202, "lab", 1)
