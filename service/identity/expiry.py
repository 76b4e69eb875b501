"""Sweep of expired people and expired pending faces; needs the identity packages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from service.identity.erasure import erase_person
from service.identity.rights import expired, expired_tokens, remove_expired_tokens
from service.identity.store import Store
from service.jobs.sweep.finding import Erased, Finding, Found
from service.storage.blob_store import Blobs


def overdue(store: Store, blobs: Blobs, *, mend: bool) -> Iterator[Finding]:
    """Report expired people and pending faces; with `mend`, erase them. Raises StorageUnavailable."""
    for found in _found(store, blobs):
        yield found.mended() if mend else found.finding
    if mend:
        # Again, since a reader may have kept an earlier erasure from emptying the log.
        store.checkpoint()


def _found(store: Store, blobs: Blobs) -> Iterator[Found]:
    for gallery, people in expired(store).items():
        for person in people:
            assert person.expires
            finding = Finding("expired person", f"gallery {gallery}", person.id, person.expires)
            yield Found(finding, partial(_erase, store, blobs, gallery, person.id))
    for gallery, since in expired_tokens(store).items():
        finding = Finding("expired faces", f"gallery {gallery}", "waiting to be enrolled", since)
        yield Found(finding, partial(_remove_tokens, store, gallery))


def _erase(store: Store, blobs: Blobs, gallery: str, person_id: str) -> Erased:
    erased = erase_person(store, blobs, gallery, person_id, action="expire")
    text = f"deleted, {erased.receipt.embeddings} embeddings, {erased.results_changed} results changed"
    return Erased(text, erased.as_dict())


def _remove_tokens(store: Store, gallery: str) -> str:
    return f"deleted {remove_expired_tokens(store, gallery)}"
