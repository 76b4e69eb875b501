"""Whatever is sent to identity's routes, the answer is one that the OpenAPI document names.

IDENTITY_EXAMPLES asks for more requests a route, and for the boundaries of each parameter besides.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.openapi import from_wsgi
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.identity.embedder import Embedder
from service.identity.galleries import NewFace
from service.identity.pending_faces import PendingFace
from service.identity.services import IdentityServices
from service.identity.store import default_url
from service.settings import Settings
from service.web.access.auth import Authenticator
from service.web.access.keys import new_key
from service.web.app import create_app
from service.web.identity.app import add_identity
from service.web.identity.own_gallery import IDENTITY
from service.web.services import KEY
from tests.integration.identity.conftest import OnlySettings, made_up

EXAMPLES = int(os.environ.get("IDENTITY_EXAMPLES", "4"))
FEW = 4

key_text, key = new_key("contract", ["identity"])
door = Authenticator.of(Settings.load({"API_KEYS": key.entry, "RATE_LIMIT_PER_MINUTE": "0"}))
# Made before there is a database, since the tests are one a route; the fixture puts it in.
app = create_app(None, door, lambda app: add_identity(app, None, legacy=True))
schema = from_wsgi("/openapi.json", app).include(path_regex="^/(galleries|detect|search|.*face|train|recognize)")
if EXAMPLES <= FEW:
    schema.config.phases.update(phases=["fuzzing"])
answered: dict[str, Counter[int]] = defaultdict(Counter)
known: dict[str, str] = {}


@pytest.fixture(scope="module", autouse=True)
def _services(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("contract")
    own = Settings.load({"IDENTITY_DATABASE": default_url(folder)})
    identity = IdentityServices(own)
    identity.embedder = embedder
    app.extensions |= {KEY: OnlySettings(own), IDENTITY: identity}
    person = identity.galleries.enrol("contract", "Ann", "form", None, [NewFace(made_up(1), thumbnail=b"jpeg")])
    [waiting] = identity.pending.keep("contract", [PendingFace(made_up(2), b"")])
    known.update(person_id=person.id, face_token=person.faces[0].token, waiting=waiting)
    yield
    identity.store.close()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
def test_every_answer_is_documented(case: Case) -> None:
    _aim(case)
    # Made-up bytes are no picture, and made-up tokens nobody's.
    answer = case.call_and_validate(headers={"X-API-Key": key_text}, excluded_checks=[positive_data_acceptance])
    assert answer.status_code < 500
    answered[case.operation.label][answer.status_code] += 1


def test_the_requests_were_about_something() -> None:
    if len(answered) < len(list(schema.get_all_operations())):
        pytest.skip("only some of the routes were asked")
    without_picture = [label for label in answered if not _needs_a_picture(label)]
    assert [label for label in without_picture if 200 not in answered[label]] == []
    assert [label for label in answered if not {400, 404} & set(answered[label]) and label != "GET /galleries"] == []


def _needs_a_picture(label: str) -> bool:
    return label.startswith("POST") and not label.endswith("face")


def _aim(case: Case) -> None:
    """Half of what is made up is put to what is there, as long as it is."""
    path = case.path_parameters
    if path and case.meta and case.meta.generation.mode.is_positive:
        path["gallery"] = "contract"
        for name in ("person_id", "face_token"):
            if name in path and case.method != "DELETE":
                path[name] = known[name]
        if case.method == "DELETE" and "person_id" in path:
            path["person_id"] = _another_person()
        if case.method == "DELETE" and "face_token" in path:
            path["face_token"] = _another_face()
    if case.path.endswith("face") and case.meta and case.meta.generation.mode.is_positive:
        case.query = {**(case.query or {}), "face_token": _waiting()}
    if case.path == "/search" and case.method == "GET" and case.meta and case.meta.generation.mode.is_positive:
        case.query = {"face_token": known["waiting"], "threshold": "0.65"}


def _own() -> IdentityServices:
    return app.extensions[IDENTITY]


def _another_person() -> str:
    return _own().galleries.enrol("contract", "Bob", "form", None, [NewFace(made_up(3))]).id


def _another_face() -> str:
    return _own().galleries.enrol("contract", "Eve", "form", None, [NewFace(made_up(4))]).faces[0].token


def _waiting() -> str:
    return _own().pending.keep("contract", [PendingFace(made_up(5), b"")])[0]
