"""Exact search for the nearest faces of a gallery: one matrix product over all of its embeddings.

The matrix stays in memory. Each search first asks the store for changes of any process: new faces are appended, after
a removal the whole matrix is read again. At 100,000 faces this is fast enough without a vector database
(`benchmarks.search`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, or_, select

from service.identity.store import Store, faces, galleries, now, people
from service.identity.vectors import LENGTH, MODEL, Distances, Embedding, distances_with, exact

ROUNDING = 0.01
"""Error bound of float32 distances; candidates within this margin are measured again in float64."""


@dataclass(frozen=True)
class Hit:
    """A face and its distance."""

    number: int
    token: str
    distance: float


@dataclass
class _Matrix:
    """The embeddings of a gallery as of its last search.

    Attributes:
        generation: of the gallery; -1 before the first search.
        last: highest number of a face in it.
        until: when the first of the faces expires.
    """

    generation: int = -1
    last: int = 0
    until: datetime | None = None
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    known: Embedding = field(default_factory=lambda: np.empty((0, LENGTH), np.float32))
    squares: Distances = field(default_factory=lambda: np.empty(0, np.float32))


class Nearest:
    """Search galleries, with a matrix of each in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._matrices: dict[str, _Matrix] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()

    def find(self, gallery: str, asked: Embedding, threshold: float, limit: int) -> list[Hit]:
        """Faces closer than the threshold, the nearest first. Raises StorageUnavailable."""
        with self._store.reading() as connection:
            with self._lock(gallery):
                matrix = self._matrices[gallery] = _renewed(connection, gallery, self._matrices.get(gallery))
            return _search(connection, matrix, asked, threshold, limit)

    def _lock(self, gallery: str) -> threading.Lock:
        with self._locks_lock:
            return self._locks.setdefault(gallery, threading.Lock())


def _renewed(connection: Connection, gallery: str, before: _Matrix | None) -> _Matrix:
    """Bring a matrix up to date by making a new one; other threads may hold the old one."""
    generation = connection.scalar(select(galleries.c.generation).where(galleries.c.name == gallery))
    if generation is None:
        return _Matrix()
    matrix = before or _Matrix()
    if matrix.generation > generation:
        # Another thread has read a state newer than this transaction.
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


def _search(connection: Connection, matrix: _Matrix, asked: Embedding, threshold: float, limit: int) -> list[Hit]:
    apart = distances_with(matrix.known, matrix.squares, asked.astype(np.float32))
    near = np.flatnonzero(apart < threshold + ROUNDING)
    if len(near) > 2 * limit:
        near = near[np.argpartition(apart[near], 2 * limit)[: 2 * limit]]
    judged = {int(matrix.numbers[row]): exact(matrix.known[row], asked) for row in near}
    best = sorted((number for number, apart in judged.items() if apart < threshold), key=judged.__getitem__)[:limit]
    held = connection.execute(select(faces.c.number, faces.c.token).where(faces.c.number.in_(best)))
    tokens: dict[int, str] = {row.number: row.token for row in held}
    return [Hit(number, tokens[number], judged[number]) for number in best if number in tokens]
