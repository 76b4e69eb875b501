"""What all pages share: sign-in, the way around, *About*; and that they keep their headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from service import __version__
from service.web.protocol.security_headers import PAGE
from tests.browser.conftest import GuardedSite, Visit, drop, looked_at
from tests.conftest import ASTRONAUT

REFUSED = "the server responded with a status of 401"


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def guarded(visit: Callable[..., Visit], guarded_site: GuardedSite) -> Visit:
    return visit(guarded_site.url, permissions=["camera"])


def test_a_key_signs_in_and_out(guarded: Visit, guarded_site: GuardedSite) -> None:
    guarded.watch.expect(REFUSED)
    page = guarded.goto("/")
    form = page.get_by_role("region", name="Sign in")
    expect(page.get_by_label("API key", exact=True)).to_be_focused()
    for wrong, words in (
        (f"{guarded_site.key}x", "This API key is not valid."),
        ("schlüssel", "This is not a key: keys have no blanks and no accents."),
    ):
        sign_in(page, wrong)
        expect(page.locator("#sign-in-problem")).to_have_text(words)
        expect(form).to_be_visible()
    sign_in(page, guarded_site.key)
    expect(form).to_be_hidden()
    expect(page.locator("#who-name")).to_have_text("visitor")
    # What the session starts, it sends its token with.
    drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    expect(page.locator("#summary")).to_contain_text("1 face.")
    # The cookie is not for scripts, and the key is nowhere.
    assert page.evaluate("document.cookie") == ""
    assert guarded_site.key not in page.content()
    page.reload()
    expect(page.locator("#who-name")).to_have_text("visitor")
    page.get_by_role("button", name="Sign out").click()
    expect(form).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


def test_a_picture_is_not_measured_without_a_key(guarded: Visit) -> None:
    guarded.watch.expect(REFUSED)
    page = guarded.goto("/")
    drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    expect(page.locator("#problem")).to_contain_text("An API key is needed")
    expect(page.locator("#result")).to_be_hidden()


def test_about_shows_the_api_facts(window: Visit) -> None:
    page = window.goto("/page/about")
    schema = window.context.request.get(f"{window.watch.origin}/schema").json()
    engine = page.locator("#engine")
    for words in (schema["engine"]["name"], schema["engine"]["version"], schema["engine"]["licence_class"]):
        expect(engine).to_contain_text(words)
    expect(engine).to_contain_text(f"version {schema['version']}")
    expect(page.get_by_text(__version__, exact=True)).to_be_visible()
    expect(page.locator("#health")).to_have_text("ready")
    assert page.locator("#checks tr").count() == 4
    words = {"supported": "well", "weak": "weakly", "not_estimable": "not at all"}
    support = {column["name"]: column["support"] for column in schema["image"] if column["support"]}
    rows = page.locator("#units tr")
    assert rows.count() == len({name[:4] for name in support}) == 18
    for name, level in support.items():
        cell = (
            rows.filter(has=page.get_by_role("rowheader", name=name[:4]))
            .locator("td")
            .nth(1 if name.endswith("_r") else 2)
        )
        expect(cell).to_have_text(words[level])


def test_about_without_a_key_shows_health_only(guarded: Visit) -> None:
    guarded.watch.expect(REFUSED)
    page = guarded.goto("/page/about")
    expect(page.locator("#health")).to_have_text("ready")
    expect(page.locator("#engine")).to_contain_text("shown after sign-in")
    expect(page.locator("#problem")).to_be_empty()


def test_every_page_is_linked_and_marked(window: Visit) -> None:
    page = window.goto("/")
    names = page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert {"Try a picture", "About"} <= set(names)
    for name in names:
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        current = page.get_by_role("navigation").locator("[aria-current=page]")
        expect(current).to_have_text(name)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_pages_have_their_policy_and_no_inline_code(window: Visit) -> None:
    page = window.goto("/")
    paths = [link.get_attribute("href") for link in page.get_by_role("navigation").get_by_role("link").all()]
    assert len(paths) > 1
    for path in paths:
        answer = window.context.request.get(f"{window.watch.origin}{path}")
        assert answer.headers["content-security-policy"] == PAGE
        assert "set-cookie" not in answer.headers
        text = answer.text()
        assert "style=" not in text
        assert "<style" not in text
        assert text.count("<script") == text.count('<script type="module" src="/static/')


def test_no_view_breaks_an_accessibility_rule_or_overflows(window: Visit, guarded: Visit) -> None:
    page = window.goto("/page/about")
    expect(page.locator("#health")).to_have_text("ready")
    expect(page.locator("#units tr").first).to_be_visible()
    assert looked_at(page, "about") == []
    page = guarded.goto("/")
    expect(page.get_by_role("region", name="Sign in")).to_be_visible()
    assert looked_at(page, "sign-in") == []
