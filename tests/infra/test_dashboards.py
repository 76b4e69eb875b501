"""The dashboards show metrics, events and fields that the code really has, and leave no metric out."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from infra.steps import REPOSITORY
from service import metrics
from service.jobs.queue_metrics import MEANINGS
from tests.infra.function_code import FUNCTION_APP

PROMETHEUS = REPOSITORY / "infra" / "helm" / "files" / "dashboard.json"
AZURE = REPOSITORY / "infra" / "grafana" / "dashboard-azure.json"
COUNTED = {*metrics.meanings(), *MEANINGS}
ENDINGS = ("_bucket", "_sum", "_count")


def board(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text("utf-8")))


def queries(path: Path) -> list[str]:
    targets = [target for panel in board(path)["panels"] for target in panel["targets"]]
    return [target.get("expr") or target["azureLogAnalytics"]["query"] for target in targets]


def metric_of(sample: str) -> str:
    for ending in ENDINGS:
        if sample.endswith(ending) and sample.removesuffix(ending) in COUNTED:
            return sample.removesuffix(ending)
    return sample


def test_every_metric_is_shown_and_every_shown_metric_exists() -> None:
    samples = re.findall(r"\bfaceline_[a-z_]+\b", "\n".join(queries(PROMETHEUS)))
    shown = {metric_of(sample) for sample in samples}
    assert shown == COUNTED, "add a panel to infra/helm/files/dashboard.json for each new metric"


def test_every_label_is_one_of_its_metric() -> None:
    labels = {"job", "le", "state", "code", "stage", "outcome", "route", "status", "instance"}
    for query in queries(PROMETHEUS):
        used = set(re.findall(r"(\w+)=~?\"", query))
        used |= {name for group in re.findall(r"by \(([^)]+)\)", query) for name in group.split(", ")}
        assert used <= labels, query


def test_every_event_and_field_is_logged() -> None:
    code = "".join(
        path.read_text("utf-8") for folder in (REPOSITORY / "service", FUNCTION_APP) for path in folder.rglob("*.py")
    )
    outcomes = {f"job.{word}" for word in re.findall(r'_outcome\("(\w+)"', code)}
    events = {event for query in queries(AZURE) for event in re.findall(r'"([a-z]+\.[a-z_]+)"', query)}
    assert {"queues.state", "job.failed", "request.answered", "sweep.finished"} <= events
    assert {event for event in events if f'"{event}"' not in code} <= outcomes
    fields = {name for query in queries(AZURE) for name in re.findall(r"line\.(\w+)", query)} - {"event"}
    assert {"length", "oldest_age_s", "status", "error_code"} <= fields
    assert all(re.search(rf"\b{name}=|\"{name}\":", code) for name in fields)


@pytest.mark.parametrize("path", [PROMETHEUS, AZURE], ids=["prometheus", "azure"])
def test_panels_have_ids_of_their_own_and_do_not_overlap(path: Path) -> None:
    panels = board(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) >= 12
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


@pytest.mark.parametrize("path", [PROMETHEUS, AZURE], ids=["prometheus", "azure"])
def test_a_dashboard_takes_its_data_source_from_a_variable(path: Path) -> None:
    read = board(path)
    variables = {variable["name"] for variable in read["templating"]["list"]}
    text = json.dumps(read["panels"])
    assert set(re.findall(r"\$\{?(\w+)\}?", text)) - {"__timeFilter", "__interval"} <= variables
    assert {panel["datasource"]["uid"] for panel in read["panels"]} == {"${datasource}"}
