"""Cuts of videos, by real pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.identity.shots import shot_starts, steps

HEIGHT, WIDTH = 180, 320


def scene(seed: int, moved: int = 0) -> NDArray[np.uint8]:
    """Draw large patches of one scene, moved sideways."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 10, 3), dtype=np.uint8)
    return np.roll(np.kron(patches, np.ones((30, 32, 1), np.uint8)), moved, axis=1)


def test_a_shot_begins_where_the_picture_changes_at_once() -> None:
    frames = [scene(1, number) for number in range(10)] + [scene(2, number) for number in range(10)] + [scene(3)] * 5
    assert shot_starts(steps(frames)) == [11, 21]


def test_motion_noise_and_a_fade_begin_no_shot() -> None:
    noise = np.random.default_rng(4)
    panned = [scene(1, 4 * number) for number in range(30)]
    noisy = [np.clip(scene(1) + noise.normal(0, 12, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8) for _ in range(30)]
    faded = [(scene(1) * (1 - share) + scene(2) * share).astype(np.uint8) for share in np.linspace(0, 1, 30)]
    for frames in (panned, noisy, faded, [scene(1)] * 30, [scene(1)]):
        assert shot_starts(steps(frames)) == []
