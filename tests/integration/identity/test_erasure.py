"""A deleted person is gone: from the database's files, from results published meanwhile, with revoked keys, in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.errors import NotFound, RecordChanged
from service.identity.erasure import erase_gallery, erase_person, redact_deleted
from service.identity.galleries import Galleries, NewFace
from service.identity.pending_faces import PendingFace, PendingFaces
from service.identity.rights import Mention, mention, remove_person
from service.identity.store import Store, default_url, now
from service.jobs.job import AnalysisJob
from service.jobs.job_table import Purged
from service.jobs.options import JobOptions
from service.jobs.purge import Purge, Scope
from service.jobs.result_place import PEOPLE
from service.sandbox.preparation import Prepared
from service.storage.blob_store import Blobs
from service.storage.folder import FolderBlobs
from service.web.access.keys import new_key
from tests.conftest import StorageAccount
from tests.fixtures.media_made import jpeg
from tests.integration.cli.conftest import CommandLine, environ_of
from tests.integration.identity.conftest import made_up
from tests.integration.worker.conftest import TRACE, Bench


@pytest.fixture
def bench(account: StorageAccount) -> Bench:
    return Bench(account)


def enrol(store: Store, name: str, seed: int, gallery: str = "lab") -> str:
    return Galleries(store).enrol(gallery, name, "form", None, [NewFace(made_up(seed))]).id


def naming(*people: tuple[str, str]) -> dict[str, Any]:
    """Content of a `people.json` that names these people by id and name."""
    matches = [{"person_id": person_id, "name": name, "distance": 0.1} for person_id, name in people]
    return {
        "people": [{"person": n, "match": each} for n, each in enumerate(matches, 1)],
        "tracks": [{"face_id": n, "match": each} for n, each in enumerate(matches)],
    }


def files_with(folder: Path, content: bytes) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and content in file.read_bytes()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "identity"


@pytest.fixture
def lab(folder: Path) -> Store:
    return Store(default_url(folder))


@pytest.mark.parametrize("how", ["remove_person", "remove_face", "erase_gallery", "forget_pending", "expired_pending"])
def test_deleted_embeddings_are_in_no_file_of_the_database(how: str, lab: Store, folder: Path) -> None:
    known, pending = Galleries(lab), PendingFaces(lab, timedelta(hours=1))
    ann = known.enrol("lab", "Ann", "form", None, [NewFace(made_up(1))])
    enrol(lab, "Bob", 2)
    [face_token] = pending.keep("lab", [PendingFace(made_up(3))])
    PendingFaces(lab, timedelta(seconds=-1)).keep("clinic", [PendingFace(made_up(4))])
    secret = made_up({"forget_pending": 3, "expired_pending": 4}.get(how, 1)).astype("<f4").tobytes()
    assert files_with(folder, secret)
    acts: dict[str, Callable[[], object]] = {
        "remove_person": lambda: remove_person(lab, "lab", ann.id),
        "remove_face": lambda: known.remove_face("lab", ann.faces[0].token),
        "erase_gallery": lambda: erase_gallery(lab, FolderBlobs(folder), "lab"),
        "forget_pending": lambda: pending.forget("lab", face_token),
        # Expired faces of any gallery end with the next detection in any other.
        "expired_pending": lambda: (pending.keep("lab", []), lab.checkpoint()),
    }
    acts[how]()
    assert files_with(folder, secret) == []
    lab.close()


def test_a_reader_delays_the_emptying_of_the_log_but_not_for_ever(lab: Store, folder: Path) -> None:
    ann = enrol(lab, "Ann", 1)
    secret = made_up(1).astype("<f4").tobytes()
    with lab.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM identity_faces").scalar()
        remove_person(lab, "lab", ann)
        assert files_with(folder, secret)
    assert lab.checkpoint()
    assert files_with(folder, secret) == []
    lab.close()


def test_results_of_every_attempt_are_redacted(lab: Store, tmp_path: Path) -> None:
    ann, bob = enrol(lab, "Ann", 1), enrol(lab, "Bob", 2)
    results = FolderBlobs(tmp_path)
    for attempt in ("dead", "last"):
        text = json.dumps(naming((ann, "Ann"), (bob, "Bob"))).encode()
        results.upload("results", f"c/p.jpg/job/{attempt}/{PEOPLE}", text, content_type="application/json")
    mention(lab, "lab", [ann, bob], Mention("0" * 32, "results", f"c/p.jpg/job/last/{PEOPLE}"))
    erased = erase_person(lab, results, "lab", ann)
    assert erased.results_changed == 2
    for attempt in ("dead", "last"):
        kept = results.read("results", f"c/p.jpg/job/{attempt}/{PEOPLE}").decode()
        assert ann not in kept
        assert "Ann" not in kept
        assert bob in kept
    lab.close()


class NamedDuringErasure(FolderBlobs):
    """A store in which, while the first result is redacted, another job names the same person."""

    def __init__(self, root: Path, store: Store, person: str) -> None:
        super().__init__(root)
        self._store, self._person = store, person
        self.is_first = True

    def upload(self, container: str, name: str, content: bytes | Path, **more: Any) -> None:
        super().upload(container, name, content, **more)
        if self.is_first:
            self.is_first = False
            other = f"c/late.jpg/job/a/{PEOPLE}"
            mention(self._store, "lab", [self._person], Mention("1" * 32, container, other))
            super().upload(
                container, other, json.dumps(naming((self._person, "Ann"))).encode(), content_type="application/json"
            )


def test_a_result_that_names_the_person_during_the_erasure_is_redacted_too(lab: Store, tmp_path: Path) -> None:
    ann = enrol(lab, "Ann", 1)
    first = f"c/p.jpg/job/a/{PEOPLE}"
    FolderBlobs(tmp_path).upload(
        "results", first, json.dumps(naming((ann, "Ann"))).encode(), content_type="application/json"
    )
    mention(lab, "lab", [ann], Mention("0" * 32, "results", first))
    erased = erase_person(lab, NamedDuringErasure(tmp_path, lab, ann), "lab", ann)
    assert erased.results_changed == 2
    assert files_with(tmp_path / "results", ann.encode()) == []
    lab.close()


class PurgesMeanwhile:
    """A recogniser that matches one person, and whose result is overtaken by a purge before it is published."""

    def __init__(self, store: Store, person: str, purge: Callable[[AnalysisJob], object]) -> None:
        self._store, self._person, self._purge = store, person, purge

    def people(
        self, job: AnalysisJob, media: Prepared, table: Path, room: Path, watch: Callable[[], None]
    ) -> dict[str, Any]:
        return naming((self._person, "Ann"))

    def remember(self, job: AnalysisJob, people: dict[str, Any], container: str, blob: str) -> None:
        mention(self._store, "lab", [self._person], Mention(job.job_id, container, blob))
        self._purge(job)

    def redact_deleted(self, job: AnalysisJob, results: Blobs, container: str, blob: str) -> None:
        redact_deleted(self._store, results, Mention(job.job_id, container, blob))


def submitted(bench: Bench) -> AnalysisJob:
    options = JobOptions.resolve("image", "posed", {"gallery": "lab"}, galleries=True)
    etag = bench.account.put("group.jpg", jpeg())
    job = AnalysisJob(bench.account.container, "group.jpg", etag, "image", "posed", options)
    bench.account.services.submitter.submit(job, TRACE)
    return job


def test_a_person_purged_during_a_job_is_not_in_its_result(bench: Bench, lab: Store) -> None:
    ann, blobs = enrol(lab, "Ann", 1), bench.account.services.blobs
    recogniser = PurgesMeanwhile(lab, ann, lambda job: erase_person(lab, blobs, "lab", ann))
    job = submitted(bench)
    with bench.worker(pipeline_parts={"recogniser": recogniser}):
        assert bench.finished(job).state == "succeeded"
    place = bench.place(job)
    text = blobs.read(place.container, place.artefact(bench.record(job).attempt_published, PEOPLE)).decode()
    assert [each["match"] for each in json.loads(text)["people"]] == [None]
    assert ann not in text
    lab.close()


def test_a_job_purged_while_its_worker_was_frozen_leaves_nothing_behind(bench: Bench, lab: Store) -> None:
    services = bench.account.services
    ann = enrol(lab, "Ann", 1)

    def purge(job: AnalysisJob) -> None:
        # As after a freeze longer than the lease: the purge ends the job itself and does not wait for the worker.
        while not services.table.get(job.job_id).is_finished:
            with suppress(RecordChanged):
                services.table.update(services.table.get(job.job_id).cancelled(now()))
        settings = bench.account.settings
        desk = Purge(services.blobs, services.queue, services.table, settings.results_container, lambda ids: 0)
        desk.run(Scope(job.container, job.blob, job.job_id), uploads=False, wait_s=5)

    job = submitted(bench)
    with bench.worker(pipeline_parts={"recogniser": PurgesMeanwhile(lab, ann, purge)}):
        bench.until(lambda: is_purged(bench, job))
        bench.until(lambda: services.queue.length() == 0)
    assert [name for name in bench.published() if job.job_id in name] == []
    lab.close()


def is_purged(bench: Bench, job: AnalysisJob) -> bool:
    try:
        bench.record(job)
    except Purged:
        return True
    return False


def test_galleries_of_revoked_keys_are_listed_handed_over_and_deleted(bench: Bench, tmp_path: Path) -> None:
    settings = bench.account.settings
    url = default_url(settings.workspace / "identity")
    store = Store(url)
    ann = enrol(store, "Ann", 1, "old")
    enrol(store, "Bob", 2, "gone")
    keys = tmp_path / "keys"
    entries = [new_key(name, ["identity"])[1].entry for name in ("old", "new")]
    keys.write_text("".join(f"{entry}\n" for entry in entries))
    environ = environ_of(settings) | {"IDENTITY": "on", "IDENTITY_DATABASE": url, "API_KEYS_FILE": str(keys)}
    command_line = CommandLine(environ)

    revoked = command_line("key", "revoke", "old", "--file", str(keys))
    assert "the gallery old still has 1 people" in revoked.stderr
    listed = [json.loads(line) for line in command_line("galleries", "list", "--json").stdout.splitlines()]
    assert [(each["gallery"], each["people"], each["has_key"]) for each in listed] == [
        ("gone", 1, False),
        ("old", 1, False),
    ]
    assert command_line("galleries", "hand-over", "old", "nokey").exit_code == 2
    moved = command_line("galleries", "hand-over", "old", "new")
    assert moved.exit_code == 0, moved.output
    known = Galleries(store)
    assert known.nearest("old", made_up(1), 0.6) == []
    assert [match.person_id for match in known.nearest("new", made_up(1), 0.6)] == [ann]
    refused = command_line("galleries", "hand-over", "gone", "new")
    assert (refused.exit_code, "gallery_not_empty" in refused.output) == (1, True)

    deleted = json.loads(command_line("galleries", "delete", "gone", "--yes").stdout)
    assert [person["embeddings"] for person in deleted["people"]] == [1]
    assert known.facts("gone").people == 0
    assert command_line("galleries", "delete", "never", "--yes").exit_code == 1
    store.close()


def test_a_search_in_memory_follows_a_hand_over(lab: Store) -> None:
    known = Galleries(lab)
    enrol(lab, "Ann", 1, "old")
    assert known.nearest("old", made_up(1), 0.6)
    assert known.nearest("new", made_up(1), 0.6) == []
    known.hand_over("old", "new")
    assert known.nearest("old", made_up(1), 0.6) == []
    assert [match.name for match in known.nearest("new", made_up(1), 0.6)] == ["Ann"]
    with pytest.raises(NotFound):
        known.hand_over("old", "third")
    lab.close()
