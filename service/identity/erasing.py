"""Someone out of a gallery, and out of the results that name them; what was measured stays with the upload."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from service.errors import MediaNotFound, NotFound
from service.identity.rights import Mention, Receipt, audit, mentions_of, remove_person
from service.identity.store import Store
from service.storage.blob_store import Blobs


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
