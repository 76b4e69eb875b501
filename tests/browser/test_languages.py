"""Pages in other languages: texts, numbers and the chooser, and that long words fit a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from infra.local.stack import LocalStack
from tests.browser.conftest import PHONE, Analysed, Visit, drop, looked_at, photographed
from tests.conftest import ASTRONAUT

LANGUAGES = {"de-DE": "Bild wählen", "es-ES": "Elegir una imagen", "fr-FR": "Choisir une image", "zh-CN": "选择图片"}
PAGES = ("/", "/page/analyse", "/page/batch", "/page/studies", "/page/jobs", "/page/compare", "/page/about")


def sticking_out(page: Page) -> list[str]:
    """Elements that reach over the right edge of the page, or of the content of their card."""
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((each) => each.checkVisibility() && !each.closest(".wide, svg, pre, .visually-hidden"))
            .filter((each) => {
                const card = each.parentElement.closest(".card, .drop");
                const edge = card
                    ? card.getBoundingClientRect().right - parseFloat(getComputedStyle(card).paddingRight)
                    : document.documentElement.clientWidth;
                return each.getBoundingClientRect().right > edge + 1;
            })
            .map((each) => each.outerHTML.slice(0, 160))"""
    )


def test_a_german_browser_gets_german_words_and_numbers(visit: Callable[..., Visit], site: LocalStack) -> None:
    window = visit(site.service_url, locale="de-DE")
    page = window.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    with page.expect_response("**/api/analyse-image**") as answered:
        drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    expect(page.locator("#summary")).to_contain_text("1 Gesicht.")
    units = answered.value.json()["faces"][0]["action_units"]
    expected = units["AU12_r"]["intensity"]
    row = page.locator("#units tr", has_text="AU12")
    expect(row).to_contain_text("Hochziehen der Mundwinkel")
    expect(row.locator(".unit-measured .number")).to_have_text(f"{expected:.2f}".replace(".", ","))
    expect(page.locator("#pose")).to_contain_text(re.compile(r"Nicken \D?\d+,\d°"))
    assert looked_at(page, "picture-german") == []


def test_the_chosen_language_is_kept_until_the_browsers_is_wished_again(
    visit: Callable[..., Visit], site: LocalStack
) -> None:
    page = visit(site.service_url, locale="fr-FR").goto("/page/jobs")
    chooser = page.get_by_role("combobox", name="Langue")
    expect(chooser).to_have_value("")
    chooser.select_option("Español")
    expect(page.get_by_role("heading", level=1)).to_have_text("Trabajos")
    page.goto(page.url.replace("/page/jobs", "/page/about"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Acerca de este servicio")
    page.get_by_role("combobox", name="Idioma").select_option("")
    expect(page.get_by_role("heading", level=1)).to_have_text("À propos de ce service")
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("locale", LANGUAGES)
def test_words_of_a_language_fit_a_phone(
    locale: str, visit: Callable[..., Visit], site: LocalStack, analysed: Analysed
) -> None:
    window = visit(site.service_url, locale=locale, viewport=PHONE)
    page = window.goto("/")
    expect(page.get_by_role("button", name=LANGUAGES[locale])).to_be_visible()
    for path in (*PAGES, analysed.path):
        window.goto(path)
        if path == analysed.path:
            expect(page.locator("#viewer-units li").first).to_be_visible()
        assert sticking_out(page) == [], path
        name = "job" if path == analysed.path else path.rpartition("/")[2] or "picture"
        photographed(page, f"{name}-{locale}-phone", full_page=True)
