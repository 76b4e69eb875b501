"""A release of the chart under its former name, `media-analysis`, is upgraded in place."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.checks.chart import Manifest, render
from infra.checks.check import values_for
from infra.steps import NotRun

RELEASED = json.loads((Path(__file__).parent / "charts" / "media-analysis-0.1.0.json").read_text("utf-8"))
"""Selectors of every resource that the chart `media-analysis` 0.1.0 made, by variant of its values."""


def selectors_in(part: object) -> list[str]:
    """Every selector within a manifest, in one order."""
    if isinstance(part, dict):
        here = [
            json.dumps(value, sort_keys=True) for name, value in part.items() if name in ("selector", "podSelector")
        ]
        return sorted(here + [found for value in part.values() for found in selectors_in(value)])
    return sorted(found for value in part for found in selectors_in(value)) if isinstance(part, list) else []


def rendered(values: dict[str, Any]) -> list[Manifest]:
    try:
        return render(values)
    except NotRun as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("variant", sorted(RELEASED))
def test_an_upgrade_with_the_former_name_changes_no_resource_and_no_selector(variant):
    before = {
        name: selectors_in({"selectors": [{"selector": each} for each in found]})
        for name, found in RELEASED[variant].items()
    }
    manifests = rendered({**values_for(variant), "nameOverride": "media-analysis"})
    after = {f"{each['kind']}/{each['metadata']['name']}": selectors_in(each.get("spec", {})) for each in manifests}
    assert before == {name: after.get(name) for name in before}


def test_a_new_release_is_selected_by_the_new_name():
    parts = {f"{each['kind']}{each['metadata']['name']}": each for each in rendered(values_for("for Azure"))}
    [web] = [each for name, each in parts.items() if name.startswith("Deployment") and name.endswith("-web")]
    assert web["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == "faceline"
