"""Register identity's routes and page, where IDENTITY is on."""

from __future__ import annotations

from flask import render_template
from flask_openapi3 import OpenAPI

from service.identity.services import IdentityServices
from service.web.identity.galleries import galleries
from service.web.identity.legacy_names import names
from service.web.identity.legacy_tokens import tokens
from service.web.identity.own_gallery import IDENTITY, is_own_gallery
from service.web.identity.people import people
from service.web.services import IS_OWN_GALLERY, services


def add_identity(app: OpenAPI, identity: IdentityServices, *, legacy: bool) -> None:
    """Register the routes and the page; the older forms only with `legacy`, since they carry no consent."""
    app.extensions[IDENTITY] = identity
    app.extensions[IS_OWN_GALLERY] = is_own_gallery
    for blueprint in (galleries, people, *((tokens, names) if legacy else ())):
        app.register_api(blueprint)
    app.add_url_rule("/page/people", "pages.people", _page)


def _page() -> str:
    """Render *People*, with the limits to which it reduces large photos before it sends them."""
    return render_template("people.html", settings=services().settings)
