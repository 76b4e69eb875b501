"""On, off, and left out: what a deployment has of identity, and what of it reaches jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from infra.local.azurite import start_azurite
from service import wiring
from service.cli.sweep import _sweep
from service.identity.embedder import Embedder
from service.identity.galleries import NewFace
from service.identity.installed import PACKAGES, is_wanted
from service.identity.pending_faces import PendingFace, PendingFaces
from service.identity.services import IdentityServices
from service.identity.store import default_url, now, people
from service.jobs.record import now as moment
from service.jobs.result_place import PEOPLE, ResultPlace
from service.jobs.sweep.finding import Finding
from service.settings import REPOSITORY, BadSettings, Settings
from service.web.access.auth import Authenticator
from service.web.access.keys import new_key
from service.web.app import create_app
from service.web.identity.app import add_identity
from service.web.services import KEY
from tests.conftest import StorageAccount, account_on
from tests.integration.identity.conftest import Caller, OnlySettings, made_up
from tests.integration.web.conftest import publish

ROUTES = ("/galleries", "/detect", "/train")


def rules(app: object) -> set[str]:
    return {rule.rule for rule in app.url_map.iter_rules()}  # type: ignore[attr-defined]


def test_off_nothing_of_it_is_there() -> None:
    app = create_app(None, extra=wiring.identity_extension(Settings.load({})))  # type: ignore[arg-type]
    assert not {*ROUTES, "/page/people"} & rules(app)


def test_off_nothing_of_it_is_loaded() -> None:
    """So that a deployment without the extra's packages runs."""
    loaded = f"set(sys.modules) & {set(PACKAGES)}"
    code = f"import sys, service.wiring; assert not {loaded}, {loaded}"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)


@pytest.mark.parametrize(("legacy", "there"), [("off", {"/galleries"}), ("on", set(ROUTES))])
def test_the_older_forms_need_their_own_word(legacy: str, there: set[str], embedder: Embedder, tmp_path: Path) -> None:
    settings = Settings.load({"IDENTITY": "on", "IDENTITY_LEGACY": legacy, "WORKSPACE": str(tmp_path)})
    identity = IdentityServices(settings)
    app = create_app(
        None,  # type: ignore[arg-type]
        extra=lambda app: add_identity(app, identity, legacy=settings.identity_legacy),
    )
    assert rules(app) & set(ROUTES) == there
    app.extensions[KEY] = OnlySettings(settings)
    page = app.test_client().get("/page/people")
    assert page.status_code == 200
    assert "People" in page.text
    facts = app.test_client().get("/galleries").get_json()
    assert facts == {"galleries": [{"name": "anonymous", "people": 0, "faces": 0}]}
    identity.store.close()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.identity.installed.PACKAGES", (*PACKAGES, "no_such_part"))
    with pytest.raises(BadSettings, match=r"IDENTITY: no_such_part missing.*requirements-identity\.txt"):
        is_wanted(Settings.load({"IDENTITY": "on"}))
    assert not is_wanted(Settings.load({}))
    with pytest.raises(BadSettings, match="IDENTITY_LEGACY"):
        is_wanted(Settings.load({"IDENTITY_LEGACY": "on"}))


@pytest.fixture
def callers(account: StorageAccount, embedder: Embedder, tmp_path: Path) -> Iterator[dict[str, Caller]]:
    """Callers of one application over real storage."""
    scopes = {"lab": ["identity", "analyse", "read"], "clinic": ["identity", "analyse"], "plain": ["analyse"]}
    made = {name: new_key(name, own) for name, own in scopes.items()}  # type: ignore[arg-type]
    entries = " ".join(key.entry for _, key in made.values())
    settings = Settings.load({"API_KEYS": entries, "IDENTITY_DATABASE": default_url(tmp_path)})
    identity = IdentityServices(settings)
    client = create_app(
        account.services, Authenticator(settings), lambda app: add_identity(app, identity, legacy=False)
    ).test_client()
    yield {name: Caller(client, key, key_text) for name, (key_text, key) in made.items()}
    identity.store.close()


def test_a_job_names_its_callers_gallery_only(account: StorageAccount, callers: dict[str, Caller]) -> None:
    account.put("a.jpg", b"x")
    path = f"/analyse/image/wild/{account.container}"
    started = callers["lab"].post(path, query_string={"gallery": "lab"})
    assert started.status_code == 202
    [job] = started.get_json()["jobs"]
    assert job["options"]["gallery"] == "lab"
    plain = callers["lab"].post(path)
    assert plain.get_json()["jobs"][0]["id"] != job["id"]
    for name, gallery, status, code in (
        ("clinic", "lab", 404, "gallery_not_found"),
        ("lab", "../lab", 404, "gallery_not_found"),
        ("plain", "plain", 403, "forbidden"),
    ):
        answer = callers[name].post(path, query_string={"gallery": gallery})
        assert (answer.status_code, answer.get_json()["code"]) == (status, code)

    # What came of it is for that key as well.
    people_of_job = f"/jobs/{job['id']}/people.json"
    unfinished = callers["lab"].get(people_of_job)
    assert (unfinished.status_code, unfinished.get_json()["code"]) == (409, "not_published")
    table = account.services.table
    record = table.get(job["id"])
    place: ResultPlace = publish(account, record)
    missing = callers["lab"].get(people_of_job)
    assert (missing.status_code, missing.get_json()["code"]) == (404, "no_people")
    told = {"people": [], "tracks": []}
    account.services.blobs.upload(
        place.container, place.artefact("a1", PEOPLE), json.dumps(told).encode(), content_type="application/json"
    )
    table.update(table.update(record.claimed("w", "a1", 60, moment())).succeeded("a1", moment()))
    assert callers["lab"].get(people_of_job).get_json() == told
    assert callers["clinic"].get(people_of_job).status_code == 404
    assert callers["plain"].get(people_of_job).status_code == 403
    of_plain = callers["lab"].get(f"/jobs/{plain.get_json()['jobs'][0]['id']}/people.json")
    assert (of_plain.status_code, of_plain.get_json()["code"]) == (404, "no_gallery")


def test_the_sweeper_removes_whose_time_is_over(tmp_path: Path) -> None:
    # On storage of its own: it looks through all that is there.
    with start_azurite(tmp_path / "azurite") as azurite:
        _sweep_over(account_on(azurite, tmp_path), tmp_path)


def _sweep_over(account: StorageAccount, tmp_path: Path) -> None:
    more = {"identity": True, "identity_database": SecretStr(default_url(tmp_path))}
    settings = account.settings.model_copy(update=more)
    services = replace(account.services, settings=settings)
    identity = IdentityServices(settings)
    gone = identity.galleries.enrol("lab", "Ann", "form", None, [NewFace(made_up(1))])
    kept = identity.galleries.enrol("lab", "Bob", "form", now() + timedelta(hours=1), [NewFace(made_up(2))])
    PendingFaces(identity.store, timedelta(seconds=-1)).keep("lab", [PendingFace(made_up(3))])
    with identity.store.changing("lab", removes=True) as connection:
        hour_ago = now() - timedelta(hours=1)
        connection.execute(update(people).where(people.c.id == gone.id).values(expires=hour_ago))

    def swept(*, mend: bool) -> list[Finding]:
        found = _sweep(services, "sweeper", grace=timedelta(0), mend=mend, prefix="")
        return [finding for finding in found if finding.kind.startswith("expired")]

    assert [(finding.kind, finding.container) for finding in swept(mend=False)] == [
        ("expired person", "gallery lab"),
        ("expired faces", "gallery lab"),
    ]
    mended = swept(mend=True)
    assert [finding.mended for finding in mended] == ["deleted, 1 embeddings, 0 results changed", "deleted 1"]
    assert mended[0].receipt
    assert (mended[0].receipt["person_id"], mended[0].receipt["embeddings"]) == (gone.id, 1)
    assert [person.id for person in identity.galleries.page("lab")] == [kept.id]
    assert swept(mend=False) == []
    identity.store.close()
