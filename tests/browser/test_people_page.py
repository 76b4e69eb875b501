"""*People*: enrol, who is it, rename, remove, as a visitor with a key does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from infra.local.stack import LocalStack, StackOptions
from tests.browser.conftest import GuardedSite, Visit, looked_at
from tests.conftest import ASTRONAUT
from tests.integration.web.conftest import service_command

NAME = "Eileen <b>Collins</b>"


@pytest.fixture(scope="session")
def people_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedSite]:
    """A server with identity, and a key that may use it."""
    folder = tmp_path_factory.mktemp("people")
    file = folder / "keys"
    made = service_command("key", "new", "--name", "lab", "--scope", "identity", "--file", str(file))
    environ = {
        "IDENTITY": "on",
        "IDENTITY_DATABASE": f"sqlite:///{folder}/identity.sqlite3",
        "API_KEYS_FILE": str(file),
        "WEB_WORKERS": "1",
        "DETECT_CHILDREN": "1",
    }
    options = StackOptions(
        run_folder=folder / "run", workers=0, with_functions=False, extra_env=environ, storage_in_memory=True
    )
    with LocalStack(options) as stack:
        yield GuardedSite(stack.service_url, made.stdout.strip(), reader="")


@pytest.fixture
def page(visit: Callable[..., Visit], people_site: GuardedSite) -> Page:
    """Signed in."""
    window = visit(people_site.url, permissions=["camera"])
    window.watch.expect("401")
    opened = window.goto("/page/people")
    opened.get_by_label("API key").fill(people_site.key)
    opened.get_by_role("button", name="Sign in").click()
    expect(opened.locator("#count")).to_have_text("No one is enrolled yet")
    return opened


def test_a_person_is_enrolled_found_and_removed(page: Page) -> None:
    expect(page.get_by_role("navigation").get_by_text("People")).to_have_attribute("aria-current", "page")
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Consent reference").fill("form 7")
    page.get_by_label("Keep a small picture of the face").check()
    page.get_by_role("button", name="Enrol", exact=True).click()
    expect(page.locator("#problem")).to_have_text("Choose a picture, or take one.")
    page.locator("#pictures").set_input_files(ASTRONAUT)
    page.get_by_role("button", name="Enrol", exact=True).click()
    expect(page.locator("#count")).to_have_text(f"{NAME} is enrolled.", timeout=20_000)
    listed = page.locator("#people li")
    expect(listed).to_contain_text(NAME)
    expect(listed.locator("img")).to_have_js_property("naturalWidth", 128)

    # The camera sees the same face.
    page.locator("#ask-camera").click()
    page.get_by_role("button", name="Take the photo").click()
    expect(page.locator("#matches li")).to_contain_text(NAME, timeout=20_000)
    assert looked_at(page, "people") == []

    page.get_by_role("button", name=f"Rename {NAME}").click()
    page.get_by_label(f"New name of {NAME}").fill("Commander")
    page.get_by_role("button", name="Save").click()
    expect(listed).to_contain_text("Commander")

    with page.expect_download() as download:
        page.get_by_role("button", name="Export the data of Commander").click()
    held = json.loads(download.value.path().read_text())
    assert (held["person"]["name"], len(held["faces"])) == ("Commander", 1)

    page.get_by_role("button", name="Remove Commander").click()
    expect(listed).to_have_count(1)
    page.get_by_role("button", name="Really remove Commander").click()
    expect(page.locator("#count")).to_have_text("Commander is removed, with 1 embedding.")
    expect(listed).to_have_count(0)
    page.locator("#asked").set_input_files(ASTRONAUT)
    expect(page.locator("#matches li")).to_contain_text("Unknown", timeout=20_000)
