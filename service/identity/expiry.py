"""Sweep of expired people and expired pending faces; needs the identity packages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from service.identity.rights import audit, expired, expired_tokens, remove_expired_tokens, remove_person
from service.identity.store import Store
from service.jobs.sweep.finding import Finding, Found


def overdue(store: Store, *, mend: bool) -> Iterator[Finding]:
    """Report expired people and pending faces; with `mend`, delete them. Raises StorageUnavailable."""
    for found in _found(store):
        yield found.mended() if mend else found.finding


def _found(store: Store) -> Iterator[Found]:
    for gallery, people in expired(store).items():
        for person in people:
            assert person.expires
            finding = Finding("expired person", f"gallery {gallery}", person.id, person.expires)
            yield Found(finding, partial(_remove, store, gallery, person.id))
    for gallery, since in expired_tokens(store).items():
        finding = Finding("expired faces", f"gallery {gallery}", "waiting to be enrolled", since)
        yield Found(finding, partial(_remove_tokens, store, gallery))


def _remove(store: Store, gallery: str, person_id: str) -> str:
    receipt = remove_person(store, gallery, person_id)
    audit("expire", gallery, person_id=person_id, embeddings=receipt.embeddings)
    return f"deleted, {receipt.embeddings} embeddings"


def _remove_tokens(store: Store, gallery: str) -> str:
    return f"deleted {remove_expired_tokens(store, gallery)}"
