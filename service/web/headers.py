"""Headers that keep an answer from being taken for anything but what it is, on every answer of the application."""

from __future__ import annotations

from flask import Flask, Response, request

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of the API: its answers load and run nothing, wherever they are shown."""

DOCS = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The same for Swagger's page, which starts itself by a script in the page; it shows nothing that anyone uploads."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""See https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html."""


def guard(app: Flask) -> None:
    """Put them on every answer, errors included."""
    app.after_request(_protected)


def _protected(response: Response) -> Response:
    is_page = request.path == "/docs" or request.path.startswith("/docs/")
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = DOCS if is_page else NOTHING
    return response
