"""Erase people: from the identity database, and from the results that name them.

Results are redacted before a person is deleted, since the database knows only until then which results they are. The
deletion is committed only if no job has named the person meanwhile; a job that publishes later looks again
(`redact_deleted`), and finds the person gone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from service.errors import MediaNotFound, NotFound
from service.identity.galleries import Galleries
from service.identity.rights import Mention, NewMention, Receipt, audit, mentions_of, remove_person
from service.identity.store import Store, galleries, now, people, temporary
from service.jobs.result_place import PEOPLE
from service.jobs.sweep.finding import every_blob
from service.storage.blob_store import Blobs


@dataclass(frozen=True)
class Erasure:
    """Receipt of an erased person.

    Attributes:
        results_changed: number of results that named the person and no longer do.
    """

    gallery: str
    receipt: Receipt
    results_changed: int

    def as_dict(self) -> dict[str, Any]:
        """Format for JSON."""
        facts = asdict(self.receipt) | {"deleted": self.receipt.deleted.isoformat(timespec="seconds")}
        return {"gallery": self.gallery, "is_done": True, **facts, "results_changed": self.results_changed}


@dataclass(frozen=True)
class GalleryErasure:
    """Receipt of an erased gallery."""

    gallery: str
    deleted: datetime
    people: tuple[Erasure, ...]
    pending_faces: int

    def as_dict(self) -> dict[str, Any]:
        """Format for JSON."""
        return {
            "gallery": self.gallery,
            "is_done": True,
            "deleted": self.deleted.isoformat(timespec="seconds"),
            "people": [each.as_dict() for each in self.people],
            "pending_faces": self.pending_faces,
        }


def erase_person(
    store: Store, blobs: Blobs, gallery: str, person_id: str, *, action: str = "purge", with_pending: bool = True
) -> Erasure:
    """Delete a person, their faces, and their name in results; log the receipt.

    Args:
        action: of the log line: `purge` by an operator, `delete` by a caller, `expire` by a sweep.
        with_pending: also delete pending faces that look like the person.

    Raises:
        NotFound: there is no such person.
        StorageUnavailable: part of it may be done; calling again is safe.
    """
    changed: set[tuple[str, str]] = set()
    while True:
        known = mentions_of(store, person_id)
        for mention in known:
            changed |= {(mention.container, name) for name in redact(blobs, mention, {person_id})}
        try:
            receipt = remove_person(store, gallery, person_id, known_mentions=known, with_pending=with_pending)
            break
        except NewMention:
            continue
    erasure = Erasure(gallery, receipt, len(changed))
    about = {name: value for name, value in erasure.as_dict().items() if name not in ("gallery", "is_done", "tokens")}
    audit(action, gallery, **about)
    return erasure


def erase_face(known: Galleries, blobs: Blobs, gallery: str, face_token: str) -> str:
    """Delete an enrolled face, and with the last one erase its person; returns the person's id. Raises NotFound."""
    person_id = known.owner_of(gallery, face_token)
    if len(known.person(gallery, person_id).faces) == 1:
        erase_person(known.store, blobs, gallery, person_id, action="delete", with_pending=False)
    else:
        known.remove_face(gallery, face_token)
    return person_id


def erase_gallery(store: Store, blobs: Blobs, gallery: str) -> GalleryErasure:
    """Erase every person and every pending face of a gallery; its name and its counter stay.

    The counter tells searches of other processes that faces are gone.

    Raises:
        NotFound: there is no such gallery.
        StorageUnavailable: part of it may be done; calling again is safe.
    """
    with store.reading() as connection:
        if connection.scalar(select(galleries.c.name).where(galleries.c.name == gallery)) is None:
            raise NotFound("there is no such gallery", "gallery_not_found")
        ids = list(connection.scalars(select(people.c.id).where(people.c.gallery == gallery)))
    erased = []
    for person_id in ids:
        # Another purge or a sweep may have been first.
        with suppress(NotFound):
            erased.append(erase_person(store, blobs, gallery, person_id))
    with store.changing(gallery, removes=True) as connection:
        pending = connection.execute(delete(temporary).where(temporary.c.gallery == gallery)).rowcount
    audit("delete_gallery", gallery, people=len(erased), pending_faces=pending)
    return GalleryErasure(gallery, now(), tuple(erased), pending)


def redact_deleted(store: Store, blobs: Blobs, mention: Mention) -> int:
    """Remove people who are no longer in the database from a job's results; returns the number of changed files.

    For a worker that has just published: a person whom it matched may have been deleted meanwhile.
    """
    named = {each for _, content in _results(blobs, mention) for each in _people_in(content)}
    with store.reading() as connection:
        known = set(connection.scalars(select(people.c.id).where(people.c.id.in_(named))))
    return len(redact(blobs, mention, named - known)) if named - known else 0


def redact(blobs: Blobs, mention: Mention, person_ids: Collection[str]) -> list[str]:
    """Remove people from the results of all attempts of a job; returns the names of changed files."""
    changed = []
    for name, content in _results(blobs, mention):
        hits = [match for match in _matches(content) if match["match"]["person_id"] in person_ids]
        for entry in hits:
            entry["match"] = None
        if hits:
            text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False).encode()
            blobs.upload(mention.container, name, text, content_type="application/json")
            changed.append(name)
    return changed


def _results(blobs: Blobs, mention: Mention) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the `people.json` of every attempt of a job, an attempt that died before its commit included."""
    folder = mention.blob.removesuffix(PEOPLE).rstrip("/").rpartition("/")[0]
    listed = (blob.name for blob in every_blob(blobs, mention.container, f"{folder}/"))
    for name in sorted({mention.blob, *(name for name in listed if name.endswith(f"/{PEOPLE}"))}):
        with suppress(MediaNotFound, NotFound):
            yield name, json.loads(blobs.read(mention.container, name))


def _matches(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in (*content["people"], *content["tracks"]) if entry["match"]]


def _people_in(content: dict[str, Any]) -> set[str]:
    return {entry["match"]["person_id"] for entry in _matches(content)}
