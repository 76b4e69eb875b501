"""The nearest faces of a gallery, exactly: one matrix product over all of them, or pgvector's own distances.

The matrix stays in memory. Each search looks first whether the store has anything newer, so that what another
process enrols or removes counts from then on: new faces are appended, a removal has the matrix read again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Double, or_, select

from service.identity.store import Store, faces, galleries, now, people
from service.identity.vectors import LENGTH, MODEL, Distances, Embedding, distances_with, exact

ROUNDING = 0.01
"""What float32 may be off by; candidates are taken with this margin, and judged exactly."""


@dataclass(frozen=True)
class Hit:
    """A face and how far it is."""

    number: int
    token: str
    distance: float


@dataclass
class _Matrix:
    """A gallery as it was when it was last looked at.

    Attributes:
        generation: of the gallery; -1 before the first look.
        last: highest number of a face that was seen.
        until: when the first of them expires.
    """

    generation: int = -1
    last: int = 0
    until: datetime | None = None
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    known: Embedding = field(default_factory=lambda: np.empty((0, LENGTH), np.float32))
    squares: Distances = field(default_factory=lambda: np.empty(0, np.float32))


class Nearest:
    """Searches, for as long as the process lives."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._matrices: dict[str, _Matrix] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._gate = threading.Lock()

    def find(self, gallery: str, asked: Embedding, threshold: float, limit: int) -> list[Hit]:
        """Faces closer than the threshold, the nearest first. Raises StorageUnavailable."""
        with self._store.reading() as connection:
            if self._store.has_vector:
                return _found_there(connection, gallery, asked, threshold, limit)
            with self._lock(gallery):
                matrix = self._matrices[gallery] = _renewed(connection, gallery, self._matrices.get(gallery))
            return _found_here(connection, matrix, asked, threshold, limit)

    def _lock(self, gallery: str) -> threading.Lock:
        with self._gate:
            return self._locks.setdefault(gallery, threading.Lock())


def _renewed(connection: Connection, gallery: str, before: _Matrix | None) -> _Matrix:
    """The matrix as the store is now; one that others hold is never changed."""
    generation = connection.scalar(select(galleries.c.generation).where(galleries.c.name == gallery))
    if generation is None:
        return _Matrix()
    matrix = before or _Matrix()
    if matrix.generation > generation:
        # Another thread has looked later than this transaction began.
        return matrix
    if matrix.generation < generation or (matrix.until and matrix.until <= now()):
        matrix = _Matrix(generation)
    return _appended(connection, gallery, matrix)


def _appended(connection: Connection, gallery: str, matrix: _Matrix) -> _Matrix:
    fresh = connection.execute(
        select(faces.c.number, faces.c.embedding, people.c.expires)
        .join(people)
        .where(faces.c.gallery == gallery, faces.c.number > matrix.last, faces.c.model == MODEL)
        .where(or_(people.c.expires.is_(None), people.c.expires > now()))
        .order_by(faces.c.number)
    ).all()
    if not fresh:
        return matrix
    known = np.array([row.embedding for row in fresh], np.float32)
    ends = [row.expires for row in fresh if row.expires] + ([matrix.until] if matrix.until else [])
    return _Matrix(
        generation=matrix.generation,
        last=fresh[-1].number,
        until=min(ends, default=None),
        numbers=np.concatenate([matrix.numbers, [row.number for row in fresh]]),
        known=np.concatenate([matrix.known, known]),
        squares=np.concatenate([matrix.squares, np.einsum("ij,ij->i", known, known)]),
    )


def _found_here(connection: Connection, matrix: _Matrix, asked: Embedding, threshold: float, limit: int) -> list[Hit]:
    apart = distances_with(matrix.known, matrix.squares, asked.astype(np.float32))
    near = np.flatnonzero(apart < threshold + ROUNDING)
    if len(near) > 2 * limit:
        near = near[np.argpartition(apart[near], 2 * limit)[: 2 * limit]]
    judged = {int(matrix.numbers[row]): exact(matrix.known[row], asked) for row in near}
    best = sorted((number for number, apart in judged.items() if apart < threshold), key=judged.__getitem__)[:limit]
    held = connection.execute(select(faces.c.number, faces.c.token).where(faces.c.number.in_(best)))
    tokens: dict[int, str] = {row.number: row.token for row in held}
    return [Hit(number, tokens[number], judged[number]) for number in best if number in tokens]


def _found_there(connection: Connection, gallery: str, asked: Embedding, threshold: float, limit: int) -> list[Hit]:
    """By pgvector, whose distances are exact where no approximate index is made; we make none."""
    apart: ColumnElement[float] = faces.c.embedding.op("<->", return_type=Double())(asked)
    found = connection.execute(
        select(faces.c.number, faces.c.token, apart.label("apart"))
        .join(people)
        .where(faces.c.gallery == gallery, faces.c.model == MODEL, apart < threshold)
        .where(or_(people.c.expires.is_(None), people.c.expires > now()))
        .order_by(apart, faces.c.number)
        .limit(limit)
    )
    return [Hit(row.number, row.token, float(row.apart)) for row in found]
