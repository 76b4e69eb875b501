"""Error responses: a page for browsers, a problem for programs."""

import pytest

from tests.fixtures.open_app import open_app


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "application/problem+json"),
        ("application/json", "application/problem+json"),
        ("image/avif,image/webp,*/*;q=0.8", "application/problem+json"),
    ],
)
def test_an_unknown_address_is_a_page_for_browsers_and_a_problem_for_programs(accept, kind):
    answer = open_app().test_client().get("/no/such/<page>", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, kind)
    assert "Accept" in answer.headers["Vary"]
    if kind == "text/html":
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "Not Found" in answer.text
