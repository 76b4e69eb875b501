"""What the routes need, kept by the application."""

from __future__ import annotations

from typing import cast

from flask import current_app

from service.services import Services

KEY = "media-analysis"
IS_OWN_GALLERY = "is-own-gallery"
"""Of the application where IDENTITY is on: whether a gallery is the caller's, else it raises."""


def services() -> Services:
    """Those of the application that answers this request."""
    return cast(Services, current_app.extensions[KEY])
