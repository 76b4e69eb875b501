"""Enrol, find, compare, rename and remove faces in a gallery. Each caller has one gallery and sees no other."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from service.errors import Conflict, NotFound
from service.identity.nearest import Hit, Nearest
from service.identity.store import Store, faces, now, people, temporary
from service.identity.store import galleries as rows
from service.identity.vectors import MODEL, Embedding, exact

PAGE = 100
UNKNOWN = "unknown"
"""A placeholder, not a name: faces enrolled under it become a person each."""


@dataclass(frozen=True)
class NewFace:
    """A face to be enrolled.

    Attributes:
        token: 24 characters; empty: a new one is made.
        thumbnail: a small JPEG; None where the caller wants none kept.
    """

    embedding: Embedding
    token: str = ""
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class EnrolledFace:
    """An enrolled face, without its embedding."""

    token: str
    created: datetime
    has_thumbnail: bool


@dataclass(frozen=True)
class Person:
    """A person in a gallery.

    Attributes:
        consent: reference to the person's consent; `legacy:<key>` from callers that cannot send one.
        expires: when the person's faces are removed; None: on request.
    """

    id: str
    name: str
    consent: str
    created: datetime
    expires: datetime | None
    faces: tuple[EnrolledFace, ...] = ()


@dataclass(frozen=True)
class Match:
    """An enrolled face near the query."""

    token: str
    person_id: str
    name: str
    distance: float


@dataclass(frozen=True)
class GalleryFacts:
    """Counts of a gallery's people and faces."""

    name: str
    people: int
    faces: int


class Galleries:
    """All galleries of one store; every method stays within the gallery that it is given.

    Every method raises StorageUnavailable where the database fails.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._nearest = Nearest(store)

    def names(self) -> list[str]:
        """Names of all galleries in the database."""
        with self.store.reading() as connection:
            return list(connection.scalars(select(rows.c.name).order_by(rows.c.name)))

    def facts(self, gallery: str) -> GalleryFacts:
        """Count a gallery's people and faces."""
        with self.store.reading() as connection:
            count = select(func.count()).select_from
            living = connection.scalar(count(people).where(people.c.gallery == gallery, _lives()))
            held = count(faces.join(people, faces.c.person == people.c.id))
            return GalleryFacts(
                gallery, living or 0, connection.scalar(held.where(faces.c.gallery == gallery, _lives())) or 0
            )

    def page(self, gallery: str, *, name: str = "", after: str = "", limit: int = PAGE) -> list[Person]:
        """List people by id, beginning after `after`; with `name`, only those of exactly this name."""
        wanted = [people.c.gallery == gallery, _lives(), people.c.id > after]
        if name:
            wanted.append(people.c.name == name)
        with self.store.reading() as connection:
            found = connection.execute(select(people).where(*wanted).order_by(people.c.id).limit(limit)).all()
            return _with_faces(connection, found)

    def person(self, gallery: str, person_id: str) -> Person:
        """Look up one person. Raises NotFound."""
        with self.store.reading() as connection:
            return _person(connection, gallery, person_id)

    def enrol(self, gallery: str, name: str, consent: str, expires: datetime | None, new: Sequence[NewFace]) -> Person:
        """Add a new person with some faces."""
        with self.store.changing(gallery) as connection:
            person_id = _add_person(connection, gallery, name, consent, expires)
            _add_faces(connection, gallery, person_id, new)
            return _person(connection, gallery, person_id)

    def enrol_by_name(self, gallery: str, name: str, consent: str, new: Sequence[NewFace]) -> Person:
        """Enrol by name: add the faces to an existing person of that name, or to a new one."""
        with self.store.changing(gallery) as connection:
            return _enrol_by_name(connection, gallery, name, consent, new)

    def enrol_pending(self, gallery: str, face_token: str, name: str, consent: str) -> Person:
        """Enrol a pending face by name; it keeps its token. Raises NotFound."""
        mine = temporary.c.gallery == gallery, temporary.c.token == face_token, temporary.c.expires > now()
        with self.store.changing(gallery) as connection:
            embedding: Embedding | None = connection.scalar(select(temporary.c.embedding).where(*mine))
            if embedding is None:
                raise NotFound("there is no such face token here", "face_not_found")
            connection.execute(delete(temporary).where(*mine))
            return _enrol_by_name(connection, gallery, name, consent, [NewFace(embedding, face_token)])

    def add_faces(self, gallery: str, person_id: str, new: Sequence[NewFace]) -> Person:
        """Add faces to an existing person. Raises NotFound."""
        with self.store.changing(gallery) as connection:
            _person(connection, gallery, person_id)
            _add_faces(connection, gallery, person_id, new)
            return _person(connection, gallery, person_id)

    def change(self, gallery: str, person_id: str, fields: dict[str, Any]) -> Person:
        """Change a person's name, consent reference or expiry. Raises NotFound."""
        with self.store.changing(gallery, removes="expires" in fields) as connection:
            _person(connection, gallery, person_id)
            if fields:
                connection.execute(update(people).where(people.c.id == person_id).values(**fields))
            return _person(connection, gallery, person_id)

    def owner_of(self, gallery: str, token: str) -> str:
        """Look up the person of an enrolled face. Raises NotFound."""
        with self.store.reading() as connection:
            mine = select(faces.c.person).where(faces.c.gallery == gallery, faces.c.token == token)
            person_id = connection.scalar(mine)
        if person_id is None:
            raise NotFound("there is no such face here", "face_not_found")
        return str(person_id)

    def remove_face(self, gallery: str, token: str) -> str:
        """Remove a face, and with the last one its person; returns the person's id. Raises NotFound."""
        with self.store.changing(gallery, removes=True) as connection:
            mine = and_(faces.c.gallery == gallery, faces.c.token == token)
            person_id = connection.scalar(select(faces.c.person).where(mine))
            if person_id is None:
                raise NotFound("there is no such face here", "face_not_found")
            connection.execute(delete(faces).where(mine))
            if not connection.scalar(select(func.count()).select_from(faces).where(faces.c.person == person_id)):
                connection.execute(delete(people).where(people.c.id == person_id))
            return str(person_id)

    def hand_over(self, gallery: str, new_name: str) -> int:
        """Move all people of a gallery to another, empty one; returns their number. Raises NotFound, Conflict."""
        with self.store.changing(new_name, removes=True) as connection:
            count = select(func.count()).select_from(people)
            if connection.scalar(count.where(people.c.gallery == new_name)):
                raise Conflict(f"the gallery {new_name!r} has people; hand over to an empty one", "gallery_not_empty")
            moved = connection.scalar(count.where(people.c.gallery == gallery))
            if not moved:
                raise NotFound("there is no such gallery, or it is empty", "gallery_not_found")
            for table in (people, faces, temporary):
                connection.execute(update(table).where(table.c.gallery == gallery).values(gallery=new_name))
            generation = rows.c.generation + 1
            connection.execute(update(rows).where(rows.c.name == gallery).values(generation=generation))
            return moved

    def thumbnail(self, gallery: str, token: str) -> bytes:
        """A face's thumbnail as JPEG. Raises NotFound, also where none was kept."""
        with self.store.reading() as connection:
            mine = select(faces.c.thumbnail).join(people).where(faces.c.gallery == gallery, faces.c.token == token)
            thumbnail = connection.scalar(mine.where(_lives()))
        if thumbnail is None:
            raise NotFound("there is no thumbnail of such a face here", "thumbnail_not_found")
        return bytes(thumbnail)

    def nearest(self, gallery: str, asked: Embedding, threshold: float, limit: int = PAGE) -> list[Match]:
        """Find enrolled faces closer than the threshold, the nearest first, by exact search."""
        hits = self._nearest.find(gallery, asked, threshold, limit)
        with self.store.reading() as connection:
            named = {
                row.token: row
                for row in connection.execute(
                    select(faces.c.token, people.c.id, people.c.name)
                    .join(people)
                    .where(faces.c.number.in_([hit.number for hit in hits]), _lives())
                )
            }
        return [_match(hit, named[hit.token]) for hit in hits if hit.token in named]

    def distance_to(self, gallery: str, name: str, asked: Embedding) -> float | None:
        """Distance to the nearest face of the people of this name; None where the name is not enrolled."""
        with self.store.reading() as connection:
            of_name = select(faces.c.embedding).join(people).where(people.c.gallery == gallery, people.c.name == name)
            known = connection.scalars(of_name.where(_lives(), faces.c.model == MODEL)).all()
        return min((exact(each, asked) for each in known), default=None)


def token() -> str:
    """Make a face token: 24 random characters."""
    return secrets.token_hex(12)


def _lives() -> ColumnElement[bool]:
    return or_(people.c.expires.is_(None), people.c.expires > now())


def _enrol_by_name(connection: Connection, gallery: str, name: str, consent: str, new: Sequence[NewFace]) -> Person:
    known = select(people.c.id).where(people.c.gallery == gallery, people.c.name == name, _lives())
    person_id = connection.scalar(known.order_by(people.c.created)) if name != UNKNOWN else None
    person_id = person_id or _add_person(connection, gallery, name, consent, None)
    _add_faces(connection, gallery, person_id, new)
    return _person(connection, gallery, person_id)


def _add_person(connection: Connection, gallery: str, name: str, consent: str, expires: datetime | None) -> str:
    person_id = secrets.token_hex(16)
    values = {"id": person_id, "gallery": gallery, "name": name, "consent": consent}
    connection.execute(insert(people).values(**values, created=now(), expires=expires))
    return person_id


def _add_faces(connection: Connection, gallery: str, person_id: str, new: Iterable[NewFace]) -> None:
    common = {"gallery": gallery, "person": person_id, "model": MODEL, "created": now()}
    values = [
        common | {"token": face.token or token(), "embedding": face.embedding, "thumbnail": face.thumbnail}
        for face in new
    ]
    if values:
        connection.execute(insert(faces), values)


def _person(connection: Connection, gallery: str, person_id: str) -> Person:
    wanted = select(people).where(people.c.gallery == gallery, people.c.id == person_id, _lives())
    found = connection.execute(wanted).all()
    if not found:
        raise NotFound("there is no such person here", "person_not_found")
    return _with_faces(connection, found)[0]


def _with_faces(connection: Connection, found: Sequence[Any]) -> list[Person]:
    by_person: dict[str, list[EnrolledFace]] = {row.id: [] for row in found}
    wanted = select(
        faces.c.person, faces.c.token, faces.c.created, faces.c.thumbnail.is_not(None).label("has_thumbnail")
    )
    for row in connection.execute(wanted.where(faces.c.person.in_(by_person)).order_by(faces.c.number)):
        by_person[row.person].append(EnrolledFace(row.token, row.created, bool(row.has_thumbnail)))
    return [Person(row.id, row.name, row.consent, row.created, row.expires, tuple(by_person[row.id])) for row in found]


def _match(hit: Hit, row: Any) -> Match:
    return Match(hit.token, row.id, row.name, round(hit.distance, 4))
