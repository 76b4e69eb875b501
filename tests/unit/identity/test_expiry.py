"""Expired people and pending faces: reported, and erased only where that is asked for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from service.errors import NotFound
from service.identity.expiry import overdue
from service.identity.galleries import Galleries, NewFace
from service.identity.pending_faces import PendingFace, PendingFaces
from service.identity.store import Store, now, people, temporary
from service.storage.folder import FolderBlobs
from tests.integration.identity.conftest import made_up


@pytest.fixture
def person(store: Store) -> str:
    """An expired person beside one who stays, and an expired pending face beside one that waits."""
    galleries, pending = Galleries(store), PendingFaces(store, timedelta(hours=1))
    gone = galleries.enrol("lab", "Ann", "form", now() + timedelta(hours=1), [NewFace(made_up(1))]).id
    galleries.enrol("lab", "Ben", "form", now() + timedelta(hours=1), [NewFace(made_up(2))])
    tokens = pending.keep("lab", [PendingFace(made_up(3)), PendingFace(made_up(4))])
    before = now() - timedelta(minutes=1)
    with store.changing("lab") as connection:
        connection.execute(update(people).where(people.c.id == gone).values(expires=before))
        connection.execute(update(temporary).where(temporary.c.token == tokens[0]).values(expires=before))
    return gone


def test_a_report_changes_nothing(store: Store, person: str, tmp_path: Path) -> None:
    for _ in range(2):
        found = list(overdue(store, FolderBlobs(tmp_path), mend=False))
        assert [(each.kind, each.container) for each in found] == [
            ("expired person", "gallery lab"),
            ("expired faces", "gallery lab"),
        ]
    assert found[0].blob == person


def test_what_is_overdue_is_erased_and_the_rest_stays(store: Store, person: str, tmp_path: Path) -> None:
    found = list(overdue(store, FolderBlobs(tmp_path), mend=True))
    assert [each.mended for each in found] == ["deleted, 1 embeddings, 0 results changed", "deleted 1"]
    with pytest.raises(NotFound):
        Galleries(store).person("lab", person)
    assert [one.name for one in Galleries(store).page("lab")] == ["Ben"]
    assert list(overdue(store, FolderBlobs(tmp_path), mend=True)) == []
