"""Languages of the pages, without a server: the choice, the headers, and that templates leave no text unmarked."""

from __future__ import annotations

import re
from gettext import NullTranslations
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from service.settings import Settings
from service.web import languages
from service.web.app import create_app
from service.web.identity.app import add_identity
from service.web.languages import script_version
from service.web.routes.pages import is_file, is_page

APP = create_app(
    SimpleNamespace(settings=Settings(_env_file=None)), extra=lambda app: add_identity(app, None, legacy=False)
)
PAGES = sorted(
    rule.rule.replace("<job_id>", "0" * 32).replace("<study>", "0")
    for rule in APP.url_map.iter_rules()
    if is_page(rule.endpoint) and not is_file(rule.endpoint)
)
BROWSER = {"Accept": "text/html"}
SPOKEN = ("aria-label", "placeholder", "alt", "title")
NOT_WORDS = re.compile(r"Faceline|API|fx|fy|cx|cy|\d[\w.+]*|[\w-]+ · Faceline")
"""Names, symbols and versions, which no language translates."""


class Pseudo(NullTranslations):
    """A language that marks what it translates."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


class Unmarked(HTMLParser):
    """Collect the words of a page that stand outside of ⟦marks⟧."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._depth = 0
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [value for name in SPOKEN if self._is_bare(value := given.get(name) or "")]
        if tag in {"code", "script", "option"} and (tag != "option" or "lang" in given):
            self._silent.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        for part in re.split("([⟦⟧])", data):
            if part in "⟦⟧" and part:
                self._depth += 1 if part == "⟦" else -1
            elif not self._depth and not self._silent and self._is_bare(part):
                self.found.append(part.strip())

    @staticmethod
    def _is_bare(words: str) -> bool:
        rest = NOT_WORDS.sub("", re.sub("⟦[^⟧]*⟧", "", words))
        return bool(re.search(r"[A-Za-z]{2}", rest))


@pytest.mark.parametrize("path", PAGES)
def test_each_word_of_a_page_is_marked_for_translation(path, monkeypatch):
    monkeypatch.setattr(languages, "_translations", lambda tag: Pseudo())
    answer = APP.test_client().get(path, headers=BROWSER)
    assert answer.status_code == 200
    unmarked = Unmarked()
    unmarked.feed(answer.text)
    assert unmarked.found == []


def test_an_unmarked_word_is_found():
    unmarked = Unmarked()
    unmarked.feed('<p title="Bare">⟦Marked, <a>a link</a>⟧ <code>code</code> 12 %</p><h1>Left out</h1>')
    assert unmarked.found == ["Bare", "Left out"]


@pytest.mark.parametrize(
    ("accepted", "chosen", "expected"),
    [
        ("", "", "en"),
        ("de-CH,de;q=0.9,en;q=0.8", "", "de"),
        ("pt,fr-CA;q=0.7,en;q=0.3", "", "fr"),
        ("zh-CN,zh;q=0.9", "", "zh-Hans"),
        ("ja", "", "en"),
        ("de", "es", "es"),
        ("de", "klingon", "de"),
    ],
)
def test_the_chosen_language_comes_before_the_browsers(accepted, chosen, expected):
    client = APP.test_client()
    if chosen:
        client.set_cookie(languages.COOKIE, chosen)
    answer = client.get("/page/compare", headers={"Accept-Language": accepted})
    assert f'<html lang="{expected}">' in answer.text
    assert answer.headers["Content-Language"] == expected
    assert {"Accept-Language", "Cookie"} <= set(answer.vary)


def test_an_error_page_speaks_the_readers_language_and_the_api_english():
    client = APP.test_client()
    headers = {"Accept-Language": "de"}
    page = client.get("/page/jobs/none", headers=headers | BROWSER)
    assert page.status_code == 404
    assert "Es gibt keinen solchen Auftrag." in page.text
    assert {"Accept", "Accept-Language", "Cookie"} <= set(page.vary)
    answer = client.get("/page/jobs/none", headers=headers)
    assert answer.json["detail"] == "a job's id has 32 hex digits"
    assert "Content-Language" not in answer.headers


def test_texts_are_kept_only_under_the_address_of_their_content():
    client = APP.test_client()
    kept = client.get(f"/page/texts/de.js?v={script_version('de')}")
    assert "immutable" in kept.headers["Cache-Control"]
    assert client.get("/page/texts/de.js?v=another").headers["Cache-Control"] == "no-cache"
    assert client.get("/page/texts/xx.js").status_code == 404
