"""Identity services of the application, and the gallery of a request's key."""

from __future__ import annotations

from typing import cast

import structlog
from flask import current_app
from werkzeug.exceptions import Forbidden

from service.errors import NotFound
from service.identity.rights import audit
from service.identity.services import IdentityServices
from service.web.access.auth import KEYS
from service.web.access.keys import Key, KeyRing
from service.web.access.ownership import own_gallery_name
from service.web.access.session import current_key

IDENTITY = "identity"


def identity() -> IdentityServices:
    """Return the identity services of the current application."""
    return cast(IdentityServices, current_app.extensions[IDENTITY])


def keys() -> KeyRing:
    """Return the application's keys."""
    return cast(KeyRing, current_app.extensions[KEYS])


def own_gallery(name: str = "") -> str:
    """Return the gallery of this request's key: each key has one, by its own name, and no access to another's.

    Raises:
        NotFound: another gallery was named, whether it exists or not.
    """
    own = own_gallery_name()
    if name not in {"", own}:
        audit("refused", own, asked=name[:64])
        raise NotFound("there is no such gallery for this key", "gallery_not_found")
    return own


def is_own_gallery(name: str) -> bool:
    """Check that the gallery is the one of this request's key. Raises NotFound, Forbidden."""
    key = current_key()
    if key and not key.may("identity"):
        raise Forbidden("this API key lacks the scope `identity`, which `gallery` needs")
    return bool(own_gallery(name))


def legacy_consent(gallery: str) -> str:
    """Return the consent reference of faces that the older API enrols, which carries none."""
    return f"legacy:{gallery}"


def key_in_body(presented: object) -> Key | None:
    """Find the key that a body names, and bind its name to the log lines; None where it is not valid."""
    key = keys().find(presented) if isinstance(presented, str) and presented else None
    if key:
        structlog.contextvars.bind_contextvars(key=key.name)
    return key
