"""`purge` where people are known: someone is gone from gallery and results, and so is what results said of people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from service.errors import NotFound
from service.identity.galleries import Galleries, NewFace
from service.identity.rights import Mention, mention, mentions_of
from service.identity.store import Store, default_url
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from tests.conftest import StorageAccount
from tests.integration.cli.conftest import CommandLine, environ_of
from tests.integration.identity.conftest import made_up


@dataclass(frozen=True)
class Lab:
    """Two people, and a result that names both."""

    account: StorageAccount
    store: Store
    command_line: CommandLine
    ann: str
    bob: str
    place: Mention

    def result(self) -> dict:
        return json.loads(self.account.services.blobs.read(self.place.container, self.place.blob))


@pytest.fixture
def lab(account: StorageAccount) -> Iterator[Lab]:
    url = default_url(account.settings.workspace / "identity")
    store = Store(url)
    known = Galleries(store)
    ann, bob = (known.enrol("lab", name, "form", None, [NewFace(made_up(seed))]).id for seed, name in enumerate("ab"))
    options = JobOptions.resolve("image", "wild", {"gallery": "lab"}, galleries=True)
    etag = account.put("group.jpg", b"x")
    job = AnalysisJob(account.container, "group.jpg", etag, "image", "wild", options)
    account.services.submitter.submit(job, "")
    folder = ResultPlace.of(job, account.settings.results_container)
    blob = folder.artefact("0123456789ab", "people.json")
    matches = [{"person_id": person, "name": name, "distance": 0.1} for person, name in ((ann, "a"), (bob, "b"))]
    told = {"people": [{"person": n, "match": each} for n, each in enumerate(matches, 1)]}
    told["tracks"] = [{"face_id": n, "match": each} for n, each in enumerate([*matches, None])]
    account.put(blob, json.dumps(told).encode(), account.settings.results_container)
    place = Mention(job.job_id, account.settings.results_container, blob)
    mention(store, "lab", [ann, bob], place)
    environ = environ_of(account.settings) | {"IDENTITY": "on", "IDENTITY_DATABASE": url}
    yield Lab(account, store, CommandLine(environ), ann, bob, place)
    store.close()


def test_someone_is_gone_from_gallery_and_results(lab: Lab) -> None:
    look = json.loads(lab.command_line("purge", "person", "lab", lab.ann, "--dry-run").stdout)
    assert (look["is_done"], look["embeddings"], len(look["mentioned_in"])) == (False, 1, 1)
    done = lab.command_line("purge", "person", "lab", lab.ann, "--yes")
    told = json.loads(done.stdout)
    assert (told["is_done"], told["embeddings"], told["results_changed"]) == (True, 1, 1)
    assert told["mentioned_in"] == [
        {"job_id": lab.place.job_id, "container": lab.place.container, "blob": lab.place.blob}
    ]
    with pytest.raises(NotFound):
        Galleries(lab.store).person("lab", lab.ann)
    kept = lab.result()
    assert lab.ann not in json.dumps(kept)
    assert [each["match"] and each["match"]["person_id"] for each in kept["people"]] == [None, lab.bob]
    assert [each["match"] and each["match"]["person_id"] for each in kept["tracks"]] == [None, lab.bob, None]
    again = lab.command_line("purge", "person", "lab", lab.ann, "--yes")
    assert (again.exit_code, "person_not_found" in again.output) == (1, True)


def test_with_a_container_goes_what_its_results_said_of_people(lab: Lab) -> None:
    done = lab.command_line("purge", "container", lab.account.container, "--yes")
    told = json.loads(done.stdout)
    assert (told["mentions"], told["results"], told["uploads"]) == (2, 1, 1)
    assert mentions_of(lab.store, lab.ann) == mentions_of(lab.store, lab.bob) == ()
    # The people themselves were not meant.
    with lab.store.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM identity_people")) == 2
