"""Descriptions of routes: the scopes and errors that they declare."""

from __future__ import annotations

from pydantic import Field

from service.web.protocol.openapi import ANY_KEY, NO_KEY, SECURITY_SCHEMES, Parameters, content, needs, problems


def test_a_route_declares_its_scope_in_every_scheme() -> None:
    assert needs("read") == [{"key": ["read"]}, {"bearer": ["read"]}, {"session": ["read"]}]
    assert list(SECURITY_SCHEMES) == ["key", "bearer", "session"]


def test_the_narrower_scope_is_declared_beside_the_full_one() -> None:
    assert [scope for each in needs("analyse", own=True) for [scope] in each.values()] == [
        *["analyse"] * 3,
        *["analyse:own"] * 3,
    ]


def test_any_key_is_something_other_than_no_key() -> None:
    assert NO_KEY == []
    assert ANY_KEY == [{"key": []}, {"bearer": []}, {"session": []}]


def test_a_keyed_route_may_always_be_refused() -> None:
    assert list(problems(404)) == [401, 403, 404, 413, 429]
    assert list(problems(404, 413, keyed=False)) == [404, 413]
    assert problems(404)[404]["content"]["application/problem+json"]["schema"] == {
        "$ref": "#/components/schemas/Problem"
    }


def test_a_kept_schema_is_each_models_own() -> None:
    class One(Parameters):
        a: int = Field(ge=1)

    class Two(One):
        b: str

    assert set(One.model_json_schema()["properties"]) == {"a"}
    assert set(Two.model_json_schema()["properties"]) == {"a", "b"}
    assert One.model_json_schema(by_alias=True) == One.model_json_schema()


def test_a_response_without_a_kind_has_no_schema() -> None:
    assert content("text/event-stream", None)["content"] == {"text/event-stream": {}}
    assert content("text/csv")["content"] == {"text/csv": {"schema": {"type": "string"}}}
