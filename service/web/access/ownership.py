"""Which jobs, uploads and galleries belong to one key alone.

A key with `read:own` or `analyse:own` sees the jobs and uploads that bear its name; others do not exist
for it.
"""

from __future__ import annotations

from typing import Any

from flask import g

from service.errors import MediaNotFound, NotFound
from service.jobs.record import JobRecord
from service.jobs.submit import uploader_of
from service.storage.blob_store import BlobInfo
from service.web.access.session import current_key
from service.web.services import may_use_gallery, services

ANONYMOUS = "anonymous"
"""Name of all callers where the service needs no keys, and of their gallery."""


def caller_name() -> str:
    """Return the name of this request's key."""
    key = current_key()
    return key.name if key else ANONYMOUS


def sees_own_only() -> bool:
    """Whether this request is restricted to what belongs to its key."""
    return bool(g.get("sees_own_only"))


def visible_record(job_id: str) -> JobRecord:
    """Return the record of a job that this request may see. Raises NotFound."""
    record = services().table.get(job_id)
    if sees_own_only() and record.key_name != own_name():
        raise NotFound(f"there is no job {job_id}", "job_not_found")
    return record


def is_visible(blob: BlobInfo) -> bool:
    """Whether this request may see an upload."""
    return not sees_own_only() or uploader_of(blob.metadata) == own_name()


def visible_upload(container: str, name: str) -> BlobInfo:
    """Return an upload that this request may see. Raises MediaNotFound."""
    blob = services().blobs.info(container, name)
    if not is_visible(blob):
        raise MediaNotFound(f"there is no blob {name!r} in container {container!r}")
    return blob


def own_name() -> str:
    """Return the name of this request's key; empty without one."""
    key = current_key()
    return key.name if key else ""


def own_gallery_name() -> str:
    """Return the name of the gallery of this request's key."""
    return caller_name()


def visible_gallery(gallery: str) -> str:
    """Return a job's gallery to its owner, and nothing to others."""
    return gallery if gallery == own_gallery_name() else ""


def hide_gallery(manifest: dict[str, Any]) -> dict[str, Any]:
    """Blank the gallery of a manifest that is not its owner's."""
    options = manifest.get("job", {}).get("options", {})
    if options.get("gallery"):
        options["gallery"] = visible_gallery(str(options["gallery"]))
    return manifest


def check_gallery(gallery: str) -> None:
    """Check that this request may use a job's gallery, if it names one. Raises NotFound, Forbidden."""
    if gallery and not may_use_gallery(gallery):
        raise NotFound("there is no such gallery for this key", "gallery_not_found")
