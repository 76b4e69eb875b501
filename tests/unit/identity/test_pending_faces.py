"""Pending faces: found under their token by their own gallery, for a limited time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from service.errors import NotFound
from service.identity.galleries import Galleries, NewFace
from service.identity.pending_faces import PendingFace, PendingFaces
from service.identity.store import Store, now
from tests.integration.identity.conftest import made_up


@pytest.fixture
def pending(store: Store) -> PendingFaces:
    return PendingFaces(store, timedelta(minutes=5))


def test_each_face_has_a_token_of_its_own(pending: PendingFaces) -> None:
    tokens = pending.keep("lab", [PendingFace(made_up(1)), PendingFace(made_up(2))])
    assert len(set(tokens)) == 2
    assert np.array_equal(pending.embedding("lab", tokens[1]), made_up(2))
    assert pending.keep("lab", []) == []


def test_another_gallery_does_not_see_it(pending: PendingFaces) -> None:
    [token] = pending.keep("lab", [PendingFace(made_up(1))])
    with pytest.raises(NotFound):
        pending.embedding("clinic", token)
    assert not pending.forget("clinic", token)
    assert np.array_equal(pending.embedding("lab", token), made_up(1))


def test_a_forgotten_face_is_gone_and_is_forgotten_once(pending: PendingFaces) -> None:
    [token] = pending.keep("lab", [PendingFace(made_up(1))])
    assert (pending.forget("lab", token), pending.forget("lab", token)) == (True, False)
    with pytest.raises(NotFound) as missing:
        pending.embedding("lab", token)
    assert missing.value.code == "face_not_found"


def test_a_face_expires_for_readers_at_once(pending: PendingFaces, monkeypatch: pytest.MonkeyPatch) -> None:
    [token] = pending.keep("lab", [PendingFace(made_up(1))])
    later = now() + timedelta(minutes=6)
    monkeypatch.setattr("service.identity.pending_faces.now", lambda: later)
    with pytest.raises(NotFound):
        pending.embedding("lab", token)


def test_an_enrolled_face_is_found_by_its_token_too(pending: PendingFaces, store: Store) -> None:
    person = Galleries(store).enrol("lab", "Ann", "form", None, [NewFace(made_up(3))])
    assert np.array_equal(pending.embedding("lab", person.faces[0].token), made_up(3))
