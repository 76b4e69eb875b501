"""Ways to break a file."""

from __future__ import annotations

from random import Random

Made = tuple[str, bytes]
"""A file: its name, which says as what it is taken, and its content."""

HEAD_BYTES = 200


def flipped(rng: Random, data: bytes) -> bytes:
    """One to thirty bits turned round; half of the time only in the header, where they matter most."""
    changed = bytearray(data)
    end = len(data) if rng.random() < 0.5 else min(len(data), HEAD_BYTES)
    for _ in range(rng.randint(1, 30)):
        # The first bytes say what it is: without them most files are just not known.
        changed[rng.randrange(4, end)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncated(rng: Random, data: bytes) -> bytes:
    """The beginning, of any length."""
    return data[: rng.randrange(1, len(data))]
