"""Detected faces that are not enrolled yet: kept under a token until they are enrolled, deleted or expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select

from service.errors import NotFound
from service.identity.galleries import token
from service.identity.store import Store, faces, now, temporary
from service.identity.vectors import MODEL, Embedding


@dataclass(frozen=True)
class PendingFace:
    """A detected face; no picture of it is kept."""

    embedding: Embedding


class PendingFaces:
    """The pending faces of all galleries of one store."""

    def __init__(self, store: Store, life: timedelta) -> None:
        self._store = store
        self._life = life

    def keep(self, gallery: str, detected: Sequence[PendingFace]) -> list[str]:
        """Store faces for a limited time and return their tokens; expired ones of all galleries are deleted."""
        tokens = [token() for _ in detected]
        expires = now() + self._life
        with self._store.changing(gallery) as connection:
            connection.execute(delete(temporary).where(temporary.c.expires <= now()))
            values = [
                {"token": each, "gallery": gallery, "model": MODEL, "embedding": face.embedding, "crop": b""}
                for each, face in zip(tokens, detected, strict=True)
            ]
            if values:
                connection.execute(insert(temporary), [value | {"expires": expires} for value in values])
        return tokens

    def embedding(self, gallery: str, face_token: str) -> Embedding:
        """Look up the embedding of a pending or an enrolled face. Raises NotFound."""
        with self._store.reading() as connection:
            for table in (temporary, faces):
                mine = select(table.c.embedding).where(table.c.gallery == gallery, table.c.token == face_token)
                if table is temporary:
                    mine = mine.where(temporary.c.expires > now())
                found: Embedding | None = connection.scalar(mine)
                if found is not None:
                    return found
        raise NotFound("there is no such face token here", "face_not_found")

    def forget(self, gallery: str, face_token: str) -> bool:
        """Delete a pending face; returns whether there was one."""
        mine = temporary.c.gallery == gallery, temporary.c.token == face_token
        with self._store.changing(gallery, erases=True) as connection:
            return connection.execute(delete(temporary).where(*mine)).rowcount > 0
