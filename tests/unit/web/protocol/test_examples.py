"""Examples of the API's document: routed to the operation that they are of."""

import re
import shlex
from urllib.parse import urlsplit

import pytest

from service.web.protocol.examples import add_examples
from tests.fixtures.open_app import open_app

APP = open_app()

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
