"""The language of a page: the reader's choice, else the browser's; its texts from one gettext catalogue a language.

The source texts are English and are their own keys. `python -m infra.texts` collects them into the catalogues, which
are read as they are: nothing has to be compiled.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

import polib
from flask import Flask, Response, g, has_request_context, request

from service.web.error_texts import ADVICE, ERRORS, TITLES, WHOLE

SOURCE = "en"
LANGUAGES: Mapping[str, str] = {
    SOURCE: "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "zh-Hans": "简体中文",
}
"""Languages of the pages by their BCP 47 tags, each by its own name."""

CATALOGUES = Path(__file__).parent / "catalogues"
COOKIE = "language"
"""First-party cookie of the chooser: a tag of `LANGUAGES`. It holds a wish of its reader and identifies no one."""


def language() -> str:
    """Return the tag of the request's language: chosen, else the best of Accept-Language, else English."""
    if not has_request_context():
        return SOURCE
    if "language" not in g:
        chosen = request.cookies.get(COOKIE, "")
        g.language = chosen if chosen in LANGUAGES else _accepted()
    return str(g.language)


def _accepted() -> str:
    """Return the first language of Accept-Language that there is, of any region; werkzeug prefers exact tags."""
    by_primary = {tag.partition("-")[0]: tag for tag in LANGUAGES}
    primaries = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality)
    return next((by_primary[primary] for primary in primaries if primary in by_primary), SOURCE)


def is_chosen() -> bool:
    """Whether the reader has chosen a language here."""
    return request.cookies.get(COOKIE) in LANGUAGES


def marked(text: str) -> str:
    """Mark a text of a constant for the catalogues; it is translated where a template shows it."""
    return text


def gettext(text: str) -> str:
    """Translate a text into the request's language."""
    return _translations(language()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """Translate a text that depends on a count."""
    return _translations(language()).ngettext(one, many, count)


def title(status: int, phrase: str) -> str:
    """Return the title of an error page in the request's language; the phrase for a status without one."""
    return gettext(TITLES[status]) if status in TITLES else phrase


def error_sentence(code: str) -> str | None:
    """Return a problem's sentence in the request's language; None in English and for codes without one."""
    return gettext(ERRORS[code]) if language() != SOURCE and code in ERRORS else None


@lru_cache
def script(tag: str) -> str:
    """Return the script that gives a language's texts to `static/texts.js`: those of scripts, errors and advice."""
    entries = [entry for entry in _catalogue(tag) if any(path.endswith(".js") for path, _ in entry.occurrences)]
    translate = _translations(tag).gettext
    texts = {
        "texts": {entry.msgid: list(entry.msgstr_plural.values()) or entry.msgstr for entry in entries},
        "errors": {code: translate(text) for code, text in ERRORS.items()},
        "whole": sorted(WHOLE),
        "advice": {code: translate(text) for code, text in ADVICE.items()},
    }
    return f"globalThis.pageTexts = {json.dumps(texts, separators=(',', ':'))};\n"


@lru_cache
def script_version(tag: str) -> str:
    """Return a name of the script's present content, for its address."""
    return hashlib.sha256(script(tag).encode()).hexdigest()[:16]


def install(app: Flask) -> None:
    """Give the application's templates the functions of translation and the languages to choose from."""
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.context_processor(_of_request)


def declare(response: Response) -> None:
    """State a page's language, and what it depends on; an error that is answered in JSON is English."""
    if response.mimetype != "text/html":
        return
    response.content_language.add(language())
    response.vary.update(["Accept-Language", "Cookie"])


def _of_request() -> dict[str, Any]:
    return {
        "language": language(),
        "languages": LANGUAGES,
        "is_language_chosen": is_chosen(),
        "texts_version": script_version(language()) if language() != SOURCE else None,
    }


@lru_cache
def _catalogue(tag: str) -> polib.POFile:
    return polib.pofile(str(CATALOGUES / f"{tag}.po"), encoding="utf-8")


@lru_cache
def _translations(tag: str) -> NullTranslations:
    """Read a catalogue; texts without a translation stay English."""
    return NullTranslations() if tag == SOURCE else GNUTranslations(io.BytesIO(_catalogue(tag).to_binary()))
