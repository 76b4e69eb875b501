"""The pages for people: templates without data in them, whose scripts call the API as any other caller does.

They are no part of the OpenAPI document, and ask for no key: there is nothing in them but what the API is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from flask import Blueprint, current_app, render_template

from service import __version__
from service.errors import NotFound
from service.jobs.media_kind import CONTENT_TYPES, EXTENSIONS
from service.jobs.options import Media
from service.web.services import services

NAME = "pages"
JOB_ID = re.compile("[0-9a-f]{32}")

pages = Blueprint(NAME, __name__, static_folder="../static", static_url_path="/static")


@dataclass(frozen=True)
class Place:
    """An entry of the navigation."""

    endpoint: str
    title: str


PLACES = (
    Place("pages.picture", "Try a picture"),
    Place("pages.analyse", "Analyse a file"),
    Place("pages.jobs", "Jobs"),
    Place("pages.people", "People"),
    Place("pages.about", "About"),
)
"""In the order of the navigation; a page that this deployment does not have is left out."""


def is_page(endpoint: str | None) -> bool:
    """Whether an endpoint is a page, or a file that pages are made of."""
    return (endpoint or "").startswith(f"{NAME}.")


def is_file(endpoint: str | None) -> bool:
    """Whether it is one of those files: a script, a style, a picture."""
    return endpoint == f"{NAME}.static"


@pages.context_processor
def _navigation() -> dict[str, list[Place]]:
    return {"places": [place for place in PLACES if place.endpoint in current_app.view_functions]}


@pages.get("/")
def picture() -> str:
    """*Try a picture*; it is told the limits, so that it can reduce a large photo before it sends it."""
    return render_template("picture.html", settings=services().settings)


@pages.get("/page/about")
def about() -> str:
    """What this service is made of, and how it is."""
    return render_template("about.html", version=__version__)


@pages.get("/page/analyse")
def analyse() -> str:
    """*Analyse a file*; it is told what is taken, so that it can say so before a file's first byte is sent."""
    max_mb = services().settings.max_media_mb
    return render_template(
        "analyse.html",
        max_mb=max_mb,
        max_bytes=max_mb * 1024 * 1024,
        media_type=services().settings.default_media_type,
        extensions=EXTENSIONS,
        types=CONTENT_TYPES,
        kinds={media: _endings(media) for media in get_args(Media)},
        accept=",".join(f".{name}" for name in EXTENSIONS),
    )


@pages.get("/page/jobs")
def jobs() -> str:
    """*Jobs*, and *Where is my file?*."""
    return render_template("jobs.html")


@pages.get("/page/jobs/<job_id>")
def job(job_id: str) -> str:
    """One job's page; whether there is such a job, its script asks."""
    if not JOB_ID.fullmatch(job_id):
        raise NotFound("a job's id has 32 hex digits", "job_not_found")
    return render_template("job.html", job_id=job_id)


def _endings(media: Media) -> str:
    """What files of a kind end in, as people read it."""
    return ", ".join(name for name, kind in EXTENSIONS.items() if kind == media)
