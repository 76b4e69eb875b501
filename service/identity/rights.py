"""What those who were enrolled are owed: deletion with a receipt, an export, an end in time, a line for each access."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, select

from service.errors import MediaNotFound, NotFound
from service.identity.galleries import Galleries, Person
from service.identity.store import Store, faces, mentions, now, people, temporary
from service.identity.vectors import THRESHOLD, Embedding, distances
from service.logs import log
from service.storage.blob_store import Blobs

IDS_AT_ONCE = 500
"""Of a statement: databases take only so many values."""


@dataclass(frozen=True)
class Mention:
    """A result that names someone.

    Attributes:
        container, blob: of the result's `people.json`.
    """

    job_id: str
    container: str
    blob: str


@dataclass(frozen=True)
class Receipt:
    """What a deletion has removed.

    Attributes:
        tokens: of the faces, which are good for nothing any more.
        temporary_tokens: faces that were waiting to be enrolled and looked like this person's.
        mentioned_in: results that name the person; they are not changed.
    """

    person_id: str
    deleted: datetime
    embeddings: int
    thumbnails: int
    tokens: tuple[str, ...]
    temporary_tokens: int
    mentioned_in: tuple[Mention, ...]


def audit(action: str, gallery: str, **about: object) -> None:
    """One line for each access to a gallery; the caller's key is bound to it. Never an embedding or a name."""
    log.info("identity.access", action=action, gallery=gallery, **about)


def remove_person(store: Store, gallery: str, person_id: str) -> Receipt:
    """Remove all that is held of someone. Raises NotFound, StorageUnavailable."""
    with store.changing(gallery, removes=True) as connection:
        mine = people.c.gallery == gallery, people.c.id == person_id
        if connection.scalar(select(people.c.id).where(*mine)) is None:
            raise NotFound("there is no such person here", "person_not_found")
        held = connection.execute(select(faces).where(faces.c.person == person_id)).all()
        receipt = Receipt(
            person_id=person_id,
            deleted=now(),
            embeddings=len(held),
            thumbnails=sum(row.thumbnail is not None for row in held),
            tokens=tuple(row.token for row in held),
            temporary_tokens=_forget_waiting(connection, gallery, [row.embedding for row in held]),
            mentioned_in=_mentions(connection, person_id),
        )
        # What belongs to the person goes with the person, by the tables' foreign keys.
        connection.execute(delete(people).where(*mine))
    return receipt


@dataclass(frozen=True)
class HeldFace:
    """What is held of one face, beside its embedding, which leaves the service in no answer."""

    token: str
    model: str
    created: datetime
    thumbnail: bytes | None


@dataclass(frozen=True)
class Export:
    """What is held of one person."""

    person: Person
    faces: tuple[HeldFace, ...]
    mentioned_in: tuple[Mention, ...]


def export_person(known: Galleries, gallery: str, person_id: str) -> Export:
    """What is held of someone, to be handed to them. Raises NotFound, StorageUnavailable."""
    person = known.person(gallery, person_id)
    with known.store.reading() as connection:
        wanted = select(faces.c.token, faces.c.model, faces.c.created, faces.c.thumbnail)
        held = connection.execute(wanted.where(faces.c.person == person_id).order_by(faces.c.number))
        own = tuple(HeldFace(*row) for row in held)
        return Export(person, own, _mentions(connection, person_id))


def mention(store: Store, gallery: str, persons: Sequence[str], where: Mention) -> None:
    """Remember that a result names these; those who are gone meanwhile are passed over."""
    with store.changing(gallery) as connection:
        here = select(people.c.id).where(people.c.gallery == gallery, people.c.id.in_(persons))
        of_job = mentions.c.job_id == where.job_id
        connection.execute(delete(mentions).where(of_job, mentions.c.person.in_(persons)))
        values = [
            {"person": person, "job_id": where.job_id, "container": where.container, "blob": where.blob}
            for person in connection.scalars(here)
        ]
        if values:
            connection.execute(mentions.insert(), [each | {"created": now()} for each in values])


def expired(store: Store) -> dict[str, list[Person]]:
    """Whose time is over, by gallery."""
    with store.reading() as connection:
        found = connection.execute(select(people).where(people.c.expires <= now())).all()
    over: dict[str, list[Person]] = {}
    for row in found:
        over.setdefault(row.gallery, []).append(Person(row.id, row.name, row.consent, row.created, row.expires))
    return over


def expired_tokens(store: Store) -> dict[str, datetime]:
    """Galleries with faces that nobody has enrolled in time, and since when."""
    since = func.min(temporary.c.expires)
    with store.reading() as connection:
        over = select(temporary.c.gallery, since.label("since")).where(temporary.c.expires <= now())
        return {row.gallery: row.since for row in connection.execute(over.group_by(temporary.c.gallery))}


def remove_expired_tokens(store: Store, gallery: str) -> int:
    """Remove them; returns how many."""
    with store.changing(gallery) as connection:
        over = delete(temporary).where(temporary.c.gallery == gallery, temporary.c.expires <= now())
        return connection.execute(over).rowcount


def _mentions(connection: Connection, person_id: str) -> tuple[Mention, ...]:
    found = connection.execute(select(mentions).where(mentions.c.person == person_id).order_by(mentions.c.created))
    return tuple(Mention(row.job_id, row.container, row.blob) for row in found)


def _forget_waiting(connection: Connection, gallery: str, embeddings: list[Embedding]) -> int:
    """Remove temporary faces that are near to any of these."""
    if not embeddings:
        return 0
    waiting = connection.execute(select(temporary).where(temporary.c.gallery == gallery)).all()
    known = [row.embedding for row in waiting]
    if not known:
        return 0
    stacked = np.array(known, np.float32)
    near = np.zeros(len(known), bool)
    for embedding in embeddings:
        near |= distances(stacked, embedding) < THRESHOLD
    tokens = [row.token for row, is_near in zip(waiting, near, strict=True) if is_near]
    if tokens:
        connection.execute(delete(temporary).where(temporary.c.token.in_(tokens)))
    return len(tokens)


def mentions_of(store: Store, person_id: str) -> tuple[Mention, ...]:
    """Results that name someone. Raises StorageUnavailable."""
    with store.reading() as connection:
        return _mentions(connection, person_id)


def forget_jobs(store: Store, job_ids: Sequence[str]) -> int:
    """Remove what is kept of which people the results of these jobs name; returns how much it was."""
    forgotten = 0
    for begin in range(0, len(job_ids), IDS_AT_ONCE):
        of_jobs = mentions.c.job_id.in_(job_ids[begin : begin + IDS_AT_ONCE])
        named = select(people.c.gallery).join(mentions, mentions.c.person == people.c.id).where(of_jobs).distinct()
        with store.reading() as connection:
            galleries = list(connection.scalars(named))
        for gallery in galleries:
            here = select(people.c.id).where(people.c.gallery == gallery)
            with store.changing(gallery) as connection:
                forgotten += connection.execute(delete(mentions).where(of_jobs, mentions.c.person.in_(here))).rowcount
    return forgotten


def erase_person(store: Store, blobs: Blobs, gallery: str, person_id: str) -> tuple[Receipt, int]:
    """Results first: which they are is known as long as the person is.

    Returns:
        The receipt, and how many results were changed.

    Raises:
        NotFound: there is no such person.
        StorageUnavailable: part of it may be done; again is harmless.
    """
    changed = sum(_redacted(blobs, each, person_id) for each in mentions_of(store, person_id))
    receipt = remove_person(store, gallery, person_id)
    audit("purge", gallery, person_id=person_id, embeddings=receipt.embeddings, results=changed)
    return receipt, changed


def _redacted(blobs: Blobs, where: Mention, person_id: str) -> bool:
    """Whether the result named them, which it does no longer."""
    with suppress(MediaNotFound, NotFound):
        told: dict[str, Any] = json.loads(blobs.read(where.container, where.blob))
        hits = [
            entry
            for entry in (*told["people"], *told["tracks"])
            if entry["match"] and entry["match"]["person_id"] == person_id
        ]
        for entry in hits:
            entry["match"] = None
        text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False).encode()
        blobs.upload(where.container, where.blob, text, content_type="application/json")
        return bool(hits)
    return False
