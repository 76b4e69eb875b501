"""Headers that keep an answer from being taken for anything but what it is, on every answer of the application."""

from __future__ import annotations

from flask import Flask, Response, request

from service.web.routes.pages import is_file, is_page

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of the API: its answers load and run nothing, wherever they are shown."""

DOCS = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The same for Swagger's page, which starts itself by a script in the page; it shows nothing that anyone uploads."""

PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The same for our own pages: files of ours, and pictures and films that the browser itself holds; nothing inline."""

PAGE_HEADERS = {
    "Content-Security-Policy": PAGE,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()",
}

REPORT = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The same for reports, which are whole in themselves: their style is inline, nothing in them may run or load.

In the sandbox they are of no origin: whatever got into one could not act for its reader.
"""

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
    response.headers.update(HEADERS)
    if is_page(request.endpoint) and not is_file(request.endpoint):
        response.headers.update(PAGE_HEADERS)
    elif request.endpoint == "reports.report":
        response.headers["Content-Security-Policy"] = REPORT
    else:
        response.headers["Content-Security-Policy"] = DOCS if _is_docs(request.path) else NOTHING
    return response


def _is_docs(path: str) -> bool:
    return path == "/docs" or path.startswith("/docs/")
