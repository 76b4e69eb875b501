"""The API's document and error pages, without a server or a storage account."""

import re
import shlex
from urllib.parse import urlsplit

import pytest

from service.web.app import create_app
from service.web.protocol.examples import add_examples

APP = create_app(None)
DOCUMENT = add_examples(APP.api_doc)
OPERATIONS = [
    (method, path, operation["description"])
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


@pytest.mark.parametrize(("method", "path", "text"), OPERATIONS)
def test_the_example_of_an_operation_is_routed_to_it(method, path, text):
    [example] = re.findall(r"```sh\n(.*?)\n```", text)
    words = shlex.split(example)
    called = words[words.index("-X") + 1] if "-X" in words else "GET"
    [address] = [word for word in words if word.startswith("$SERVICE")]
    parts = urlsplit(address.removeprefix("$SERVICE"))
    rule, _ = APP.url_map.bind("localhost").match(parts.path, called, return_rule=True)
    assert re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) == path
    assert called == method.upper()
    declared = {one["name"] for one in DOCUMENT["paths"][path][method].get("parameters", []) if one["in"] == "query"}
    assert {pair.partition("=")[0] for pair in parts.query.split("&") if pair} <= declared


def test_examples_are_added_once():
    before = DOCUMENT["paths"]["/jobs"]["get"]["description"]
    assert add_examples(DOCUMENT)["paths"]["/jobs"]["get"]["description"] == before


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
    answer = APP.test_client().get("/no/such/<page>", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, kind)
    assert "Accept" in answer.headers["Vary"]
    if kind == "text/html":
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "Not Found" in answer.text


def test_docs_open_swagger_at_once():
    answer = APP.test_client().get("/docs/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs/swagger")
