"""The search's matrix in memory: new faces are appended, removed and expired ones are gone at the next search."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from service.identity.galleries import Galleries, NewFace
from service.identity.nearest import Nearest
from service.identity.store import Store, now
from service.identity.vectors import Embedding
from tests.integration.identity.conftest import made_up


@pytest.fixture
def galleries(store: Store) -> Galleries:
    return Galleries(store)


@pytest.fixture
def nearest(store: Store) -> Nearest:
    return Nearest(store)


def enrolled(galleries: Galleries, *embeddings: Embedding, lives: timedelta | None = None, gallery: str = "lab") -> str:
    expires = now() + lives if lives else None
    return galleries.enrol(gallery, "Ann", "form", expires, [NewFace(each) for each in embeddings]).id


def distances(
    nearest: Nearest, asked: Embedding, threshold: float = 1.0, limit: int = 10, gallery: str = "lab"
) -> list[float]:
    return [round(hit.distance, 4) for hit in nearest.find(gallery, asked, threshold, limit)]


def test_the_nearest_come_first_below_the_threshold_and_up_to_the_limit(galleries: Galleries, nearest: Nearest) -> None:
    enrolled(galleries, *(made_up(10 + i, near=1, apart=apart) for i, apart in enumerate((0.5, 0.1, 0.7, 0.3))))
    assert distances(nearest, made_up(1), 0.6) == pytest.approx([0.1, 0.3, 0.5], abs=1e-4)
    assert distances(nearest, made_up(1), 0.6, limit=2) == pytest.approx([0.1, 0.3], abs=1e-4)
    assert distances(nearest, made_up(1), 0.1) == []


def test_a_search_after_another_knows_what_was_added_and_removed(galleries: Galleries, nearest: Nearest) -> None:
    enrolled(galleries, made_up(1))
    assert distances(nearest, made_up(1)) == [0]
    second = enrolled(galleries, made_up(2, near=1, apart=0.4))
    assert distances(nearest, made_up(1)) == pytest.approx([0, 0.4], abs=1e-4)
    [face] = galleries.person("lab", second).faces
    galleries.remove_face("lab", face.token)
    assert distances(nearest, made_up(1)) == [0]


def test_a_person_who_expires_is_found_until_then(
    galleries: Galleries, nearest: Nearest, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(galleries, made_up(1), lives=timedelta(hours=1))
    enrolled(galleries, made_up(2, near=1, apart=0.4))
    assert len(distances(nearest, made_up(1))) == 2
    later = now() + timedelta(hours=2)
    monkeypatch.setattr("service.identity.nearest.now", lambda: later)
    assert distances(nearest, made_up(1)) == pytest.approx([0.4], abs=1e-4)


def test_a_gallery_that_does_not_exist_has_no_hits_and_others_are_not_searched(
    galleries: Galleries, nearest: Nearest
) -> None:
    assert distances(nearest, made_up(1), gallery="none") == []
    enrolled(galleries, made_up(1), gallery="clinic")
    assert (distances(nearest, made_up(1)), distances(nearest, made_up(1), gallery="clinic")) == ([], [0])


def test_a_gallery_that_was_emptied_and_filled_again_is_searched_anew(galleries: Galleries, nearest: Nearest) -> None:
    first = enrolled(galleries, made_up(1))
    assert distances(nearest, made_up(1)) == [0]
    [face] = galleries.person("lab", first).faces
    galleries.remove_face("lab", face.token)
    enrolled(galleries, made_up(3, near=1, apart=0.2))
    assert distances(nearest, made_up(1)) == pytest.approx([0.2], abs=1e-4)


def test_of_many_equal_faces_as_many_are_found_as_were_asked_for(galleries: Galleries, nearest: Nearest) -> None:
    enrolled(galleries, *[made_up(1)] * 50)
    assert distances(nearest, made_up(1), limit=3) == [0, 0, 0]
    assert len({hit.token for hit in nearest.find("lab", made_up(1), 1.0, 50)}) == 50


def test_a_distance_is_exact_in_float64(galleries: Galleries, nearest: Nearest) -> None:
    other = made_up(7, near=1, apart=0.37)
    enrolled(galleries, other)
    [hit] = nearest.find("lab", made_up(1), 1.0, 1)
    assert hit.distance == float(np.linalg.norm(other.astype(np.float64) - made_up(1).astype(np.float64)))
