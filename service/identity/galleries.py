"""What is done with a gallery: enrol, find, compare, rename, remove. One gallery a caller; none sees another's."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from service.errors import NotFound
from service.identity.nearest import Hit, Nearest
from service.identity.store import Store, faces, now, people, temporary
from service.identity.store import galleries as rows
from service.identity.vectors import MODEL, Embedding, exact

PAGE = 100
UNKNOWN = "unknown"
"""What nobody is named; such faces are not put together as one person's."""


@dataclass(frozen=True)
class NewFace:
    """A face to be enrolled.

    Attributes:
        token: 24 characters; empty for a new one.
        thumbnail: a small JPEG, where it was asked for.
    """

    embedding: Embedding
    token: str = ""
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class Enrolled:
    """A face that is there."""

    token: str
    created: datetime
    has_thumbnail: bool


@dataclass(frozen=True)
class Person:
    """Someone in a gallery.

    Attributes:
        consent: reference to what the person has agreed to; `legacy:<key>` from callers that cannot send one.
        expires: when the person's faces are removed; None: when asked to.
    """

    id: str
    name: str
    consent: str
    created: datetime
    expires: datetime | None
    faces: tuple[Enrolled, ...] = ()


@dataclass(frozen=True)
class Match:
    """An enrolled face near the one that was asked for."""

    token: str
    person_id: str
    name: str
    distance: float


@dataclass(frozen=True)
class GalleryFacts:
    """How much is in a gallery."""

    name: str
    people: int
    faces: int


class Galleries:
    """All galleries of one store; every method stays within the gallery that it is given."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._nearest = Nearest(store)

    def names(self) -> list[str]:
        """Of all galleries that have ever been used. Raises StorageUnavailable, as all others here."""
        with self.store.reading() as connection:
            return list(connection.scalars(select(rows.c.name).order_by(rows.c.name)))

    def facts(self, gallery: str) -> GalleryFacts:
        with self.store.reading() as connection:
            count = select(func.count()).select_from
            living = connection.scalar(count(people).where(people.c.gallery == gallery, _lives()))
            held = count(faces.join(people, faces.c.person == people.c.id))
            return GalleryFacts(
                gallery, living or 0, connection.scalar(held.where(faces.c.gallery == gallery, _lives())) or 0
            )

    def page(self, gallery: str, *, name: str = "", after: str = "", limit: int = PAGE) -> list[Person]:
        """People in the order of their ids, those behind `after`; with `name`, those of exactly this name."""
        wanted = [people.c.gallery == gallery, _lives(), people.c.id > after]
        if name:
            wanted.append(people.c.name == name)
        with self.store.reading() as connection:
            found = connection.execute(select(people).where(*wanted).order_by(people.c.id).limit(limit)).all()
            return _with_faces(connection, found)

    def person(self, gallery: str, person_id: str) -> Person:
        """Raises NotFound."""
        with self.store.reading() as connection:
            return _person(connection, gallery, person_id)

    def enrol(self, gallery: str, name: str, consent: str, expires: datetime | None, new: Sequence[NewFace]) -> Person:
        """A new person with some faces."""
        with self.store.changing(gallery) as connection:
            person_id = _add_person(connection, gallery, name, consent, expires)
            _add_faces(connection, gallery, person_id, new)
            return _person(connection, gallery, person_id)

    def enrol_by_name(self, gallery: str, name: str, consent: str, new: Sequence[NewFace]) -> Person:
        """The same for callers that know people by their names: more faces of who has the name already."""
        with self.store.changing(gallery) as connection:
            return _enrol_by_name(connection, gallery, name, consent, new)

    def enrol_waiting(self, gallery: str, face_token: str, name: str, consent: str) -> Person:
        """The same with a face that waits under a token, which it keeps. Raises NotFound."""
        mine = temporary.c.gallery == gallery, temporary.c.token == face_token, temporary.c.expires > now()
        with self.store.changing(gallery) as connection:
            embedding: Embedding | None = connection.scalar(select(temporary.c.embedding).where(*mine))
            if embedding is None:
                raise NotFound("there is no such face token here", "face_not_found")
            connection.execute(delete(temporary).where(*mine))
            return _enrol_by_name(connection, gallery, name, consent, [NewFace(embedding, face_token)])

    def add_faces(self, gallery: str, person_id: str, new: Sequence[NewFace]) -> Person:
        """More faces of someone. Raises NotFound."""
        with self.store.changing(gallery) as connection:
            _person(connection, gallery, person_id)
            _add_faces(connection, gallery, person_id, new)
            return _person(connection, gallery, person_id)

    def change(self, gallery: str, person_id: str, fields: dict[str, Any]) -> Person:
        """Another name, consent reference or expiry. Raises NotFound."""
        with self.store.changing(gallery, removes="expires" in fields) as connection:
            _person(connection, gallery, person_id)
            if fields:
                connection.execute(update(people).where(people.c.id == person_id).values(**fields))
            return _person(connection, gallery, person_id)

    def remove_face(self, gallery: str, token: str) -> str:
        """Take one face away, and its person with the last one; returns the person's id. Raises NotFound."""
        with self.store.changing(gallery, removes=True) as connection:
            mine = and_(faces.c.gallery == gallery, faces.c.token == token)
            person_id = connection.scalar(select(faces.c.person).where(mine))
            if person_id is None:
                raise NotFound("there is no such face here", "face_not_found")
            connection.execute(delete(faces).where(mine))
            if not connection.scalar(select(func.count()).select_from(faces).where(faces.c.person == person_id)):
                connection.execute(delete(people).where(people.c.id == person_id))
            return str(person_id)

    def thumbnail(self, gallery: str, token: str) -> bytes:
        """Of one face. Raises NotFound, also where none was asked for when it was enrolled."""
        with self.store.reading() as connection:
            mine = select(faces.c.thumbnail).join(people).where(faces.c.gallery == gallery, faces.c.token == token)
            thumbnail = connection.scalar(mine.where(_lives()))
        if thumbnail is None:
            raise NotFound("there is no thumbnail of such a face here", "thumbnail_not_found")
        return bytes(thumbnail)

    def nearest(self, gallery: str, asked: Embedding, threshold: float, limit: int = PAGE) -> list[Match]:
        """Enrolled faces closer than the threshold, the nearest first; exact, over all of the gallery's faces."""
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
        """To the nearest face of whoever has this name; None where nobody has."""
        with self.store.reading() as connection:
            of_name = select(faces.c.embedding).join(people).where(people.c.gallery == gallery, people.c.name == name)
            known = connection.scalars(of_name.where(_lives(), faces.c.model == MODEL)).all()
        return min((exact(each, asked) for each in known), default=None)


def token() -> str:
    """A new face token: 24 characters that nobody can guess."""
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
    own: dict[str, list[Enrolled]] = {row.id: [] for row in found}
    wanted = select(faces.c.person, faces.c.token, faces.c.created, faces.c.thumbnail.is_not(None).label("seen"))
    for row in connection.execute(wanted.where(faces.c.person.in_(own)).order_by(faces.c.number)):
        own[row.person].append(Enrolled(row.token, row.created, bool(row.seen)))
    return [Person(row.id, row.name, row.consent, row.created, row.expires, tuple(own[row.id])) for row in found]


def _match(hit: Hit, row: Any) -> Match:
    return Match(hit.token, row.id, row.name, round(hit.distance, 4))
