"""Security headers on every response of the application."""

from __future__ import annotations

from flask import Flask, Response, g, request

from service.web import languages
from service.web.routes.pages import is_file, is_page

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of the API: its responses load and run nothing, wherever they are shown."""

DOCS = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Content-Security-Policy of Swagger's page, which has an inline script; it shows no uploaded content."""

PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Content-Security-Policy of the pages: the service's own files, and pictures and videos that the browser holds."""

PAGE_HEADERS = {
    "Content-Security-Policy": PAGE,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()",
}

REPORT = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Content-Security-Policy of reports, which are self-contained: inline style, and nothing runs or loads.

The sandbox gives them no origin: injected content could not act for its reader.
"""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""See https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html."""


NOT_KEPT = "private, no-store"
"""Cache-Control of the API's responses that set no other: results, overlays and reports show people."""


def guard(app: Flask) -> None:
    """Add the headers to every response, errors included."""
    app.after_request(_protected)


def _protected(response: Response) -> Response:
    response.headers.update(HEADERS)
    if not (is_page(request.endpoint) or _is_docs(request.path)):
        response.headers.setdefault("Cache-Control", NOT_KEPT)
    if g.get("is_error_page") or (is_page(request.endpoint) and not is_file(request.endpoint)):
        response.headers.update(PAGE_HEADERS)
        languages.declare(response)
    elif request.endpoint in ("reports.report", "studies.report"):
        response.headers["Content-Security-Policy"] = REPORT
    else:
        response.headers["Content-Security-Policy"] = DOCS if _is_docs(request.path) else NOTHING
    return response


def _is_docs(path: str) -> bool:
    return path == "/docs" or path.startswith("/docs/")
