"""The application as a whole, without a server or a storage account."""

from tests.fixtures.open_app import open_app


def test_docs_open_swagger_at_once():
    answer = open_app().test_client().get("/docs/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs/swagger")
