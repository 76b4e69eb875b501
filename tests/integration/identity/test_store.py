"""Galleries on SQLite and on PostgreSQL: what is enrolled is found by its owner, and gone when it is removed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text, update

from service.errors import NotFound, StorageUnavailable
from service.identity.galleries import Galleries, NewFace
from service.identity.pending_faces import PendingFace, PendingFaces
from service.identity.rights import (
    Mention,
    expired,
    expired_tokens,
    export_person,
    mention,
    remove_expired_tokens,
    remove_person,
)
from service.identity.store import Store, now, people, temporary
from service.identity.vectors import confidence, distances, exact
from service.settings import BadSettings
from tests.fixtures.postgres import can_run
from tests.integration.identity.conftest import made_up

THREADS = 16
HOUR = timedelta(hours=1)


@pytest.fixture
def galleries(store: Store) -> Galleries:
    return Galleries(store)


def enrolled(galleries: Galleries, name: str, *seeds: int, gallery: str = "lab") -> str:
    return galleries.enrol(gallery, name, "form 7", None, [NewFace(made_up(seed)) for seed in seeds]).id


def found(galleries: Galleries, seed: int, gallery: str = "lab", threshold: float = 0.6) -> list[str]:
    return [match.name for match in galleries.nearest(gallery, made_up(seed), threshold)]


def test_the_nearest_come_first_and_the_far_not_at_all(galleries: Galleries) -> None:
    faces = [NewFace(made_up(seed, near=1, apart=apart)) for seed, apart in ((11, 0.5), (12, 0.1), (13, 0.7))]
    for number, face in enumerate(faces):
        galleries.enrol("lab", f"p{number}", "form", None, [face])
    matches = galleries.nearest("lab", made_up(1), 0.6)
    assert [match.name for match in matches] == ["p1", "p0"]
    assert [match.distance for match in matches] == pytest.approx([0.1, 0.5], abs=1e-4)
    assert [match.name for match in galleries.nearest("lab", made_up(1), 0.6, limit=1)] == ["p1"]


def test_the_same_pixels_are_at_no_distance(galleries: Galleries) -> None:
    enrolled(galleries, "Ann", 1)
    assert galleries.nearest("lab", made_up(1), 1e-3)[0].distance == 0.0


def test_galleries_do_not_see_each_other(galleries: Galleries) -> None:
    ann = enrolled(galleries, "Ann", 1, gallery="lab")
    assert found(galleries, 1, "clinic") == []
    with pytest.raises(NotFound):
        galleries.person("clinic", ann)
    with pytest.raises(NotFound):
        galleries.add_faces("clinic", ann, [NewFace(made_up(2))])
    with pytest.raises(NotFound):
        galleries.change("clinic", ann, {"name": "Eve"})
    with pytest.raises(NotFound):
        galleries.remove_face("clinic", galleries.person("lab", ann).faces[0].token)
    with pytest.raises(NotFound):
        remove_person(galleries.store, "clinic", ann)
    assert galleries.distance_to("clinic", "Ann", made_up(1)) is None
    assert found(galleries, 1) == ["Ann"]


def test_another_process_sees_every_change(database: str, galleries: Galleries) -> None:
    other_store = Store(database)
    other = Galleries(other_store)
    ann = enrolled(galleries, "Ann", 1)
    assert found(other, 1) == ["Ann"]
    galleries.add_faces("lab", ann, [NewFace(made_up(2))])
    assert found(other, 2) == ["Ann"]
    galleries.change("lab", ann, {"name": "Anna"})
    assert found(other, 2) == ["Anna"]
    remove_person(galleries.store, "lab", ann)
    assert found(other, 1) == found(other, 2) == []
    enrolled(galleries, "Bob", 3)
    assert found(other, 3) == ["Bob"]
    other_store.close()


def test_a_face_goes_and_the_last_one_takes_its_person_along(galleries: Galleries) -> None:
    ann = enrolled(galleries, "Ann", 1, 2)
    first, second = galleries.person("lab", ann).faces
    assert galleries.remove_face("lab", first.token) == ann
    assert (found(galleries, 1), found(galleries, 2)) == ([], ["Ann"])
    galleries.remove_face("lab", second.token)
    with pytest.raises(NotFound):
        galleries.person("lab", ann)
    with pytest.raises(NotFound):
        galleries.remove_face("lab", second.token)


def test_deleting_a_person_leaves_nothing_and_says_what_went(store: Store, galleries: Galleries) -> None:
    faces = [NewFace(made_up(1), thumbnail=b"jpeg"), NewFace(made_up(2))]
    person = galleries.enrol("lab", "Ann", "form 7", None, faces)
    waiting = PendingFaces(store, HOUR)
    [hers, others] = waiting.keep("lab", [PendingFace(made_up(5, near=1, apart=0.2)), PendingFace(made_up(6))])
    where = Mention("f" * 32, "results", "a/people.json")
    mention(store, "lab", [person.id, "gone"], where)
    mention(store, "lab", [person.id], where)
    receipt = remove_person(store, "lab", person.id)
    assert (receipt.embeddings, receipt.thumbnails, receipt.temporary_tokens) == (2, 1, 1)
    assert set(receipt.tokens) == {face.token for face in person.faces}
    assert receipt.mentioned_in == (where,)
    assert found(galleries, 1) == found(galleries, 2) == []
    with pytest.raises(NotFound):
        waiting.embedding("lab", hers)
    assert waiting.embedding("lab", others) is not None
    with store.reading() as connection:
        left = [
            connection.scalar(text(f"SELECT count(*) FROM identity_{table}"))
            for table in ("people", "faces", "mentions", "temporary")
        ]
    assert left == [0, 0, 0, 1]
    with pytest.raises(NotFound):
        remove_person(store, "lab", person.id)


def test_an_export_has_what_is_held(store: Store, galleries: Galleries) -> None:
    faces = [NewFace(made_up(1), thumbnail=b"jpeg"), NewFace(made_up(2))]
    person = galleries.enrol("lab", "Ann", "form 7", now() + HOUR, faces)
    held = export_person(galleries, "lab", person.id)
    assert held.person == person
    assert [face.thumbnail for face in held.faces] == [b"jpeg", None]
    assert {face.model for face in held.faces} == {"dlib_face_recognition_resnet_model_v1"}


def test_who_has_expired_is_found_no_more_and_is_swept(store: Store, galleries: Galleries) -> None:
    person = galleries.enrol("lab", "Ann", "form", now() + HOUR, [NewFace(made_up(1))])
    assert found(galleries, 1) == ["Ann"]
    assert expired(store) == {}
    with store.changing("lab", removes=True) as connection:
        connection.execute(update(people).values(expires=now() - HOUR))
    assert found(galleries, 1) == []
    with pytest.raises(NotFound):
        galleries.person("lab", person.id)
    [over] = expired(store)["lab"]
    assert remove_person(store, "lab", over.id).embeddings == 1
    assert expired(store) == {}


def test_a_time_that_comes_ends_a_match_that_is_in_memory(galleries: Galleries) -> None:
    ends = now() + timedelta(seconds=2)
    galleries.enrol("lab", "Ann", "form", ends, [NewFace(made_up(1))])
    enrolled(galleries, "Bob", 2)
    assert found(galleries, 1) == ["Ann"]
    threading.Event().wait((ends - now()).total_seconds() + 0.01)
    assert found(galleries, 1) == []
    assert found(galleries, 2) == ["Bob"]


def test_waiting_faces_are_enrolled_once_and_expire(store: Store, galleries: Galleries) -> None:
    waiting = PendingFaces(store, HOUR)
    [face_token, other] = waiting.keep("lab", [PendingFace(made_up(1)), PendingFace(made_up(2))])
    assert len(face_token) == 24
    with pytest.raises(NotFound):
        galleries.enrol_pending("clinic", face_token, "Ann", "legacy:clinic")
    person = galleries.enrol_pending("lab", face_token, "Ann", "legacy:lab")
    assert [face.token for face in person.faces] == [face_token]
    with pytest.raises(NotFound):
        galleries.enrol_pending("lab", face_token, "Ann", "legacy:lab")
    assert np.array_equal(waiting.embedding("lab", face_token), made_up(1))
    with store.changing("lab") as connection:
        connection.execute(update(temporary).values(expires=now() - HOUR))
    with pytest.raises(NotFound):
        waiting.embedding("lab", other)
    assert list(expired_tokens(store)) == ["lab"]
    assert remove_expired_tokens(store, "lab") == 1
    assert expired_tokens(store) == {}


def test_faces_of_one_name_are_one_person_except_unknown(galleries: Galleries) -> None:
    first = galleries.enrol_by_name("lab", "Ann", "legacy:lab", [NewFace(made_up(1))])
    second = galleries.enrol_by_name("lab", "Ann", "legacy:lab", [NewFace(made_up(2))])
    assert first.id == second.id
    unknown = [galleries.enrol_by_name("lab", "unknown", "legacy:lab", [NewFace(made_up(n))]).id for n in (3, 4)]
    assert len(set(unknown)) == 2
    assert galleries.distance_to("lab", "Ann", made_up(2)) == 0.0


def test_sixteen_threads_lose_nothing(galleries: Galleries) -> None:
    """Everyone enrols, finds, and removes every other one of their own, all at once."""
    each = 6

    def work(thread: int) -> list[int]:
        kept = []
        for number in range(each):
            seed = 1000 + thread * each + number
            person = enrolled(galleries, f"n{seed}", seed)
            assert found(galleries, seed) == [f"n{seed}"]
            if number % 2:
                assert remove_person(galleries.store, "lab", person).embeddings == 1
                assert found(galleries, seed) == []
            else:
                kept.append(seed)
        return kept

    with ThreadPoolExecutor(THREADS) as threads:
        kept = [seed for own in threads.map(work, range(THREADS)) for seed in own]
    assert len(kept) == THREADS * each // 2
    assert all(found(galleries, seed) == [f"n{seed}"] for seed in kept)
    facts = galleries.facts("lab")
    assert (facts.people, facts.faces) == (len(kept), len(kept))


def test_sixteen_threads_enrolling_one_name_make_one_person(galleries: Galleries) -> None:
    def enrol(seed: int) -> str:
        return galleries.enrol_by_name("lab", "Ann", "legacy:lab", [NewFace(made_up(seed))]).id

    with ThreadPoolExecutor(THREADS) as threads:
        ids = set(threads.map(enrol, range(THREADS)))
    assert len(ids) == 1
    assert len(galleries.person("lab", ids.pop()).faces) == THREADS


def test_a_change_that_fails_is_not_there(store: Store, galleries: Galleries) -> None:
    same = "a" * 24
    enrolled(galleries, "Ann", 1)
    galleries.enrol("lab", "Bob", "form", None, [NewFace(made_up(2), same)])
    with pytest.raises(StorageUnavailable) as failure:
        galleries.enrol("lab", "Eve", "form", None, [NewFace(made_up(3)), NewFace(made_up(4), same)])
    assert str(failure.value) == "the identity database failed: " + str(failure.value).rpartition(" ")[2]
    assert [person.name for person in galleries.page("lab", name="Eve")] == []
    assert found(galleries, 3) == []


def test_a_database_that_is_away_says_no_more_than_that() -> None:
    away = Galleries(Store("postgresql://someone:secret@127.0.0.1:1/none?connect_timeout=2"))
    with pytest.raises(StorageUnavailable) as failure:
        away.names()
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize("url", ["nonsense", "mysql://there/db", "sqlite://"])
def test_databases_that_cannot_be_used_are_named_without_their_text(url: str) -> None:
    with pytest.raises(BadSettings, match="IDENTITY_DATABASE") as refusal:
        Store(url)
    assert "there" not in str(refusal.value)


def test_the_matrix_product_agrees_with_plain_distances() -> None:
    known = np.array([made_up(seed) for seed in range(50)] + [made_up(99, near=7, apart=0.01)], np.float32)
    asked = made_up(7)
    plain = [exact(each, asked) for each in known]
    assert distances(known, asked) == pytest.approx(plain, abs=2e-3)


def test_confidence_falls_with_the_distance() -> None:
    sure: Callable[[float], float] = confidence
    values = [sure(distance) for distance in (0, 0.2, 0.4, 0.6, 0.8, 1.5, 1e6)]
    assert values == sorted(values, reverse=True)
    assert sure(0.6) == pytest.approx(0.5)
    assert 0 <= values[-1] < 1e-9
    assert values[0] > 0.999


@pytest.mark.skipif(not can_run(), reason="no PostgreSQL here")
def test_a_database_with_pgvector_columns_is_refused(postgres_url: str) -> None:
    server = make_url(postgres_url).set(drivername="postgresql+psycopg")
    engine = create_engine(server, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA older"))
        # A type of pgvector's name stands in for the extension, which need not be installed.
        connection.execute(text("CREATE TYPE older.vector AS (x real)"))
        connection.execute(text("CREATE TABLE older.identity_faces (embedding older.vector)"))
    older = server.update_query_dict({"options": "-csearch_path=older"}).render_as_string(hide_password=False)
    opened = Store(older)
    with pytest.raises(StorageUnavailable, match="pgvector"), opened.reading():
        pass
    opened.close()
