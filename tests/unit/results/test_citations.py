"""Citations: of the engine that measured, and readable by other tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pybtex.database import parse_string

from infra.local.stack import REPOSITORY
from service.results.citations import OF_LITE_0_2, OF_OPENFACE, bibliography
from service.results.methods import methods, methods_file
from tests.fixtures.summaries_made import summarised

LITE_0_2 = {"name": "openface_lite", "version": "0.2.0", "au_support": {"AU12_r": "supported", "AU26_r": "weak"}}

LITE = json.loads((REPOSITORY / "openface_lite" / "bin" / "engine.json").read_text())

NAMED_BY_LITE = {work["key"] for work in LITE["citations"]}


@pytest.mark.parametrize(
    ("engine", "keys"),
    [
        ({"name": "OpenFace"}, {work.key for work in OF_OPENFACE}),
        (LITE_0_2, {work.key for work in OF_LITE_0_2}),
        (LITE, NAMED_BY_LITE),
    ],
)
def test_bibtex_parses_and_holds_what_the_methods_cite(engine: dict[str, Any], keys: set[str]) -> None:
    summary, facts = summarised([{"AU12_r": 1.0}] * 5, engine=engine)
    entries = parse_string(bibliography(facts), "bibtex").entries
    assert set(entries) == keys
    assert all(entry.persons["author"] and entry.fields["title"] for entry in entries.values())
    paragraph = methods(summary, facts)
    assert all(f"[{key}]" in paragraph for key in entries)
    assert all(f"[{key}]" in methods_file(summary, facts) for key in entries)


def test_citations_of_a_hostile_manifest_are_left_out() -> None:
    hostile = {"key": "a}\n@misc{x", "kind": "misc", "what": "", "fields": {"title": "t"}}
    unbalanced = {"key": "b", "kind": "misc", "what": "", "fields": {"title": "t}"}}
    engine = {"name": "other", "citations": [hostile, unbalanced, "no mapping"]}
    _, facts = summarised([{"AU12_r": 1.0}] * 5, engine=engine)
    assert not parse_string(bibliography(facts), "bibtex").entries


def test_an_unknown_engine_has_no_publications() -> None:
    summary, facts = summarised([{"AU12_r": 1.0}] * 5, engine={"name": "other}\n@misc{x"})
    assert not parse_string(bibliography(facts), "bibtex").entries
    assert "other" in methods(summary, facts)
