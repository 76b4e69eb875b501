"""What the identity routes share: the services behind them, and whose gallery a request may touch."""

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
from service.web.access.session import asking_key

IDENTITY = "identity"
ANONYMOUS = "anonymous"
"""Gallery of all callers where no keys are asked for."""


def identity() -> IdentityServices:
    """That of the application that answers this request."""
    return cast(IdentityServices, current_app.extensions[IDENTITY])


def keys() -> KeyRing:
    """The keys that are good here."""
    return cast(KeyRing, current_app.extensions[KEYS])


def own_gallery(name: str = "") -> str:
    """The gallery of the key of this request: each has one, by its own name, and no key has another's.

    Raises:
        NotFound: another was asked for; whether it exists is not told.
    """
    key = asking_key()
    own = key.name if key else ANONYMOUS
    if name not in {"", own}:
        audit("refused", own, asked=name[:64])
        raise NotFound("there is no such gallery for this key", "gallery_not_found")
    return own


def is_own_gallery(name: str) -> bool:
    """True for the gallery of this request's key. Raises NotFound, Forbidden."""
    key = asking_key()
    if key and not key.may("identity"):
        raise Forbidden("this API key lacks the scope `identity`, which `gallery` needs")
    return bool(own_gallery(name))


def who(gallery: str) -> str:
    """For records: who enrolled without telling what was consented to."""
    return f"legacy:{gallery}"


def key_in_body(presented: object) -> Key | None:
    """The key that a body names; None where it is none of ours. Log lines name it from now on."""
    key = keys().find(presented) if isinstance(presented, str) and presented else None
    if key:
        structlog.contextvars.bind_contextvars(key=key.name)
    return key
