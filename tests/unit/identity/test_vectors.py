"""Distances of embeddings, and the confidence of a match."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.identity.vectors import LENGTH, THRESHOLD, confidence, distances, exact


def axis(place: int, length: float = 1.0) -> np.ndarray:
    made = np.zeros(LENGTH, np.float32)
    made[place] = length
    return made


def test_distances_are_euclidean() -> None:
    known = np.stack([axis(0), axis(1), axis(0, 3.0)])
    assert distances(known, axis(0)).tolist() == pytest.approx([0, math.sqrt(2), 2])
    assert exact(axis(0, 3.0), axis(1, 4.0)) == 5.0
    assert distances(known[:0], axis(0)).shape == (0,)


def test_equal_vectors_are_never_at_an_imaginary_distance() -> None:
    rng = np.random.default_rng(1)
    known = rng.normal(size=(200, LENGTH)).astype(np.float32)
    for row in known[:20]:
        apart = distances(known, row)
        assert np.isfinite(apart).all() and apart.min() < 0.01


def test_fast_distances_are_near_the_exact_ones() -> None:
    rng = np.random.default_rng(2)
    known = (1.4 * rng.normal(size=(500, LENGTH)) / math.sqrt(LENGTH)).astype(np.float32)
    apart = distances(known, known[0])
    assert np.abs(apart[1:] - [exact(row, known[0]) for row in known[1:]]).max() < 0.002


@pytest.mark.parametrize(
    ("distance", "share"),
    [
        (THRESHOLD, 0.5),
        (0.4, 1 / (1 + math.exp(-2.4))),
        (0.8, 1 / (1 + math.exp(2.4))),
        (0.0, 1 / (1 + math.exp(-7.2))),
    ],
)
def test_a_confidence_is_a_half_at_the_threshold_and_falls(distance: float, share: float) -> None:
    assert confidence(distance) == pytest.approx(share)


def test_a_confidence_of_any_distance_is_a_share() -> None:
    assert confidence(1e9) == pytest.approx(0)
    assert confidence(0.3, threshold=0.3) == 0.5
    found = [confidence(step / 100) for step in range(200)]
    assert found == sorted(found, reverse=True)
