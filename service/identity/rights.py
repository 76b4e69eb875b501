"""Rights of enrolled people: deletion with a receipt, export, expiry, and a log line for each access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, delete, func, select

from service.errors import NotFound
from service.identity.galleries import Galleries, Person
from service.identity.store import Store, faces, mentions, now, people, temporary
from service.identity.vectors import THRESHOLD, Embedding, distances
from service.logs import log

IDS_AT_ONCE = 500
"""Values of one statement; databases limit their number."""


@dataclass(frozen=True)
class Mention:
    """A result that names a person.

    Attributes:
        container, blob: of the result's `people.json`.
    """

    job_id: str
    container: str
    blob: str


@dataclass(frozen=True)
class Receipt:
    """Receipt of a deletion.

    Attributes:
        tokens: of the deleted faces; no longer valid.
        temporary_tokens: number of deleted pending faces that looked like this person's.
        mentioned_in: results that named the person; `erase_person` removes the name from them.
    """

    person_id: str
    deleted: datetime
    embeddings: int
    thumbnails: int
    tokens: tuple[str, ...]
    temporary_tokens: int
    mentioned_in: tuple[Mention, ...]


def audit(action: str, gallery: str, **about: object) -> None:
    """Log an access to a gallery, with the caller's key bound to the line; never an embedding or a name."""
    log.info("identity.access", action=action, gallery=gallery, **about)


class NewMention(Exception):
    """A result has named the person since their mentions were listed."""


def remove_person(
    store: Store,
    gallery: str,
    person_id: str,
    *,
    known_mentions: Sequence[Mention] | None = None,
    with_pending: bool = True,
) -> Receipt:
    """Delete a person and everything that belongs to them.

    Args:
        known_mentions: the caller has redacted these; with others, nothing is deleted. None: results do not matter.
        with_pending: also delete pending faces that look like the person.

    Raises:
        NotFound: there is no such person.
        NewMention: there are other mentions.
        StorageUnavailable: the database failed.
    """
    with store.changing(gallery, removes=True) as connection:
        mine = people.c.gallery == gallery, people.c.id == person_id
        if connection.scalar(select(people.c.id).where(*mine)) is None:
            raise NotFound("there is no such person here", "person_not_found")
        mentioned_in = _mentions(connection, person_id)
        if known_mentions is not None and not set(mentioned_in) <= set(known_mentions):
            raise NewMention
        held = connection.execute(select(faces).where(faces.c.person == person_id)).all()
        embeddings = [row.embedding for row in held] if with_pending else []
        receipt = Receipt(
            person_id=person_id,
            deleted=now(),
            embeddings=len(held),
            thumbnails=sum(row.thumbnail is not None for row in held),
            tokens=tuple(row.token for row in held),
            temporary_tokens=_forget_pending(connection, gallery, embeddings),
            mentioned_in=mentioned_in,
        )
        # Faces and mentions are deleted with the person by foreign keys.
        connection.execute(delete(people).where(*mine))
    return receipt


@dataclass(frozen=True)
class HeldFace:
    """A face in an export; its embedding never leaves the service."""

    token: str
    model: str
    created: datetime
    thumbnail: bytes | None


@dataclass(frozen=True)
class Export:
    """Everything held of one person."""

    person: Person
    faces: tuple[HeldFace, ...]
    mentioned_in: tuple[Mention, ...]


def export_person(known: Galleries, gallery: str, person_id: str) -> Export:
    """Collect everything held of a person, to hand over to them. Raises NotFound, StorageUnavailable."""
    person = known.person(gallery, person_id)
    with known.store.reading() as connection:
        wanted = select(faces.c.token, faces.c.model, faces.c.created, faces.c.thumbnail)
        held = connection.execute(wanted.where(faces.c.person == person_id).order_by(faces.c.number))
        return Export(person, tuple(HeldFace(*row) for row in held), _mentions(connection, person_id))


def mention(store: Store, gallery: str, persons: Sequence[str], where: Mention) -> None:
    """Record that a result names these people; people deleted meanwhile are left out."""
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
    """List people whose expiry has passed, by gallery."""
    with store.reading() as connection:
        found = connection.execute(select(people).where(people.c.expires <= now())).all()
    over: dict[str, list[Person]] = {}
    for row in found:
        over.setdefault(row.gallery, []).append(Person(row.id, row.name, row.consent, row.created, row.expires))
    return over


def expired_tokens(store: Store) -> dict[str, datetime]:
    """List galleries with expired pending faces, and since when."""
    since = func.min(temporary.c.expires)
    with store.reading() as connection:
        over = select(temporary.c.gallery, since.label("since")).where(temporary.c.expires <= now())
        return {row.gallery: row.since for row in connection.execute(over.group_by(temporary.c.gallery))}


def remove_expired_tokens(store: Store, gallery: str) -> int:
    """Delete a gallery's expired pending faces; returns how many."""
    with store.changing(gallery, erases=True) as connection:
        over = delete(temporary).where(temporary.c.gallery == gallery, temporary.c.expires <= now())
        return connection.execute(over).rowcount


def _mentions(connection: Connection, person_id: str) -> tuple[Mention, ...]:
    found = connection.execute(select(mentions).where(mentions.c.person == person_id).order_by(mentions.c.created))
    return tuple(Mention(row.job_id, row.container, row.blob) for row in found)


def _forget_pending(connection: Connection, gallery: str, embeddings: list[Embedding]) -> int:
    """Delete pending faces near any of these embeddings; returns how many."""
    if not embeddings:
        return 0
    pending = connection.execute(select(temporary).where(temporary.c.gallery == gallery)).all()
    known = [row.embedding for row in pending]
    if not known:
        return 0
    stacked = np.array(known, np.float32)
    near = np.zeros(len(known), bool)
    for embedding in embeddings:
        near |= distances(stacked, embedding) < THRESHOLD
    tokens = [row.token for row, is_near in zip(pending, near, strict=True) if is_near]
    if tokens:
        connection.execute(delete(temporary).where(temporary.c.token.in_(tokens)))
    return len(tokens)


def mentions_of(store: Store, person_id: str) -> tuple[Mention, ...]:
    """List results that name a person. Raises StorageUnavailable."""
    with store.reading() as connection:
        return _mentions(connection, person_id)


def forget_jobs(store: Store, job_ids: Sequence[str]) -> int:
    """Delete the mentions in results of these jobs; returns how many."""
    forgotten = 0
    for begin in range(0, len(job_ids), IDS_AT_ONCE):
        of_jobs = mentions.c.job_id.in_(job_ids[begin : begin + IDS_AT_ONCE])
        named = select(people.c.gallery).join(mentions, mentions.c.person == people.c.id).where(of_jobs).distinct()
        with store.reading() as connection:
            galleries = list(connection.scalars(named))
        for gallery in galleries:
            here = select(people.c.id).where(people.c.gallery == gallery)
            with store.changing(gallery, erases=True) as connection:
                forgotten += connection.execute(delete(mentions).where(of_jobs, mentions.c.person.in_(here))).rowcount
    return forgotten
