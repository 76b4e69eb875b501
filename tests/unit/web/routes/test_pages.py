"""Pages: which addresses are one, what their names may hold, and how long browsers keep their texts."""

from __future__ import annotations

import pytest

from service.web.languages import script_version
from service.web.routes.pages import is_file, is_page
from tests.fixtures.open_app import open_app


def test_pages_are_known_by_their_endpoint() -> None:
    assert is_page("pages.jobs") and is_page("pages.static")
    assert not (is_page("jobs.one") or is_page("pagesother.x") or is_page(None) or is_page(""))
    assert is_file("pages.static") and is_file("pages.texts")
    assert not (is_file("pages.jobs") or is_file(None))


@pytest.mark.parametrize("job_id", ["0" * 31, "0" * 33, "G" * 32, "A" * 32, "0" * 31 + "\n", "%3Cscript%3E"])
def test_an_id_that_is_none_has_no_page(job_id: str) -> None:
    answer = open_app().test_client().get(f"/page/jobs/{job_id}")
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (404, "job_not_found")


def test_a_jobs_page_has_its_id_and_no_data() -> None:
    page = open_app().test_client().get(f"/page/jobs/{'a' * 32}")
    assert page.status_code == 200
    assert "a" * 32 in page.text


def test_a_study_that_can_have_no_such_name_has_no_page() -> None:
    client = open_app().test_client()
    assert client.get("/page/studies/pilot").status_code == 200
    assert client.get("/page/studies/%3Cb%3E").get_json(force=True)["code"] == "study_not_found"


def test_texts_are_kept_for_a_year_under_the_version_of_their_content_alone() -> None:
    client = open_app().test_client()
    kept = client.get(f"/page/texts/de.js?v={script_version('de')}")
    assert "immutable" in kept.headers["Cache-Control"]
    for address in ("/page/texts/de.js", "/page/texts/de.js?v=old"):
        assert client.get(address).headers["Cache-Control"] == "no-cache"
    # English is the source and has no catalogue.
    assert [client.get(f"/page/texts/{tag}.js").status_code for tag in ("en", "xx")] == [404, 404]
