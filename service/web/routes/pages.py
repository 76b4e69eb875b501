"""The browser pages: templates without data, whose scripts call the API as any other client does.

They are not part of the OpenAPI document and need no key, since all data comes from the API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, get_args

from flask import Blueprint, Response, current_app, render_template, request

from service import __version__
from service.errors import BadRequest, NotFound
from service.jobs.media_kind import AT_ONCE, CONTENT_TYPES, EXTENSIONS, Media, names_of
from service.jobs.studies import check_study
from service.web.languages import LANGUAGES, SOURCE, gettext, marked, script, script_version
from service.web.services import services

NAME = "pages"
JOB_ID = re.compile("[0-9a-f]{32}")

pages = Blueprint(NAME, __name__, static_folder="../static", static_url_path="/static")


@dataclass(frozen=True)
class NavigationEntry:
    """An entry of the pages' navigation."""

    endpoint: str
    title: str


NAVIGATION = (
    NavigationEntry("pages.picture", marked("Try a picture")),
    NavigationEntry("pages.analyse", marked("Analyse a file")),
    NavigationEntry("pages.batch", marked("A folder")),
    NavigationEntry("pages.jobs", marked("Jobs")),
    NavigationEntry("pages.studies", marked("Studies")),
    NavigationEntry("pages.people", marked("People")),
    NavigationEntry("pages.about", marked("About")),
)
"""Entries in order; pages that this deployment lacks are left out."""


def is_page(endpoint: str | None) -> bool:
    """Whether an endpoint is a page, or a static file of the pages."""
    return (endpoint or "").startswith(f"{NAME}.")


def is_file(endpoint: str | None) -> bool:
    """Whether an endpoint is a file that pages load: a script, a style sheet, a picture, a language's texts."""
    return endpoint in {f"{NAME}.static", f"{NAME}.texts"}


@pages.app_context_processor
def _navigation() -> dict[str, list[NavigationEntry]]:
    return {"navigation": [entry for entry in NAVIGATION if entry.endpoint in current_app.view_functions]}


@pages.app_context_processor
def _pictures() -> dict[str, Any]:
    """Give all pages the formats of pictures that are answered at once."""
    types = {name: each.content_types[0] for each in AT_ONCE for name in each.extensions}
    return {
        "picture_types": types,
        "picture_names": names_of(AT_ONCE, gettext(marked("or"))),
        "picture_accept": ",".join(["image/*", *(f".{name}" for name in types)]),
    }


@pages.get("/")
def picture() -> str:
    """Render *Try a picture*, with the limits to which it reduces large photos before it sends them."""
    return render_template("picture.html", settings=services().settings)


@pages.get("/page/about")
def about() -> str:
    """Render *About*: engine, action units, health, licence."""
    return render_template("about.html", version=__version__)


@pages.get("/page/analyse")
def analyse() -> str:
    """Render *Analyse a file*, with the limits that it checks before it sends a file."""
    return _sending_page("analyse.html")


@pages.get("/page/batch")
def batch() -> str:
    """Render *Analyse a folder*, with the same limits."""
    return _sending_page("batch.html")


@pages.get("/page/jobs")
def jobs() -> str:
    """Render *Jobs*."""
    return render_template("jobs.html")


@pages.get("/page/jobs/<job_id>")
def job(job_id: str) -> str:
    """Render one job's page; its script asks the API for the job."""
    if not JOB_ID.fullmatch(job_id):
        raise NotFound("a job's id has 32 hex digits", "job_not_found")
    return render_template("job.html", job_id=job_id)


@pages.get("/page/studies")
def studies() -> str:
    """Render *Studies*."""
    return render_template("studies.html")


@pages.get("/page/studies/<study>")
def study(study: str) -> str:
    """Render one study's page; its script asks the API for the study."""
    try:
        check_study(study)
    except BadRequest as error:
        raise NotFound(error.message, "study_not_found") from error
    return render_template("study.html", study=study)


@pages.get("/page/compare")
def compare() -> str:
    """Render *Compare*: two jobs on one time axis; its script reads their ids from the query."""
    return render_template("compare.html")


@pages.get("/page/texts/<tag>.js")
def texts(tag: str) -> Response:
    """Answer with the script of a language's texts, which browsers keep under the address of its present content."""
    if tag not in LANGUAGES or tag == SOURCE:
        raise NotFound(f"there are no texts in {tag[:20]!r}")
    response = Response(script(tag), content_type="text/javascript; charset=utf-8")
    response.cache_control.no_cache = True
    if request.args.get("v") == script_version(tag):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _endings(media: Media) -> str:
    """List the file extensions of a kind of media."""
    return ", ".join(name for name, kind in EXTENSIONS.items() if kind == media)


def _sending_page(template: str) -> str:
    """Render a page that takes files."""
    max_mb = services().settings.max_media_mb
    return render_template(
        template,
        max_mb=max_mb,
        max_bytes=max_mb * 1024 * 1024,
        media_type=services().settings.default_media_type,
        extensions=EXTENSIONS,
        types=CONTENT_TYPES,
        kinds={media: _endings(media) for media in get_args(Media)},
        accept=",".join(f".{name}" for name in EXTENSIONS),
    )
