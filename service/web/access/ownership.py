"""Which parts of jobs belong to one key alone: the gallery that a job names."""

from __future__ import annotations

from typing import Any

from service.errors import NotFound
from service.web.access.session import current_key
from service.web.services import may_use_gallery

ANONYMOUS = "anonymous"
"""Name of all callers where the service needs no keys, and of their gallery."""


def caller_name() -> str:
    """Return the name of this request's key."""
    key = current_key()
    return key.name if key else ANONYMOUS


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
