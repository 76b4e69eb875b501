"""docs/operations.md names only alerts, commands, variables and events that exist, and every alert."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from service import metrics
from service.__main__ import main
from service.jobs.queue_metrics import MEANINGS
from service.settings import Settings

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
RULES = REPOSITORY / "infra" / "helm" / "files" / "alerts.yaml"
BICEP_RULES = REPOSITORY / "infra" / "bicep" / "modules" / "alerts.bicep"
COUNTED = {*metrics.meanings(), *MEANINGS}


def alerts() -> set[str]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    in_azure = re.findall(r"^    name: '([a-z-]+)'$", BICEP_RULES.read_text("utf-8"), re.MULTILINE)
    return {rule["alert"] for group in groups for rule in group["rules"]} | set(in_azure)


def test_alerts_are_of_metrics_that_there_are() -> None:
    samples = COUNTED | {f"{name}{end}" for name in COUNTED for end in ("_count", "_sum", "_bucket")}
    watched = set(re.findall(r"\bfaceline_[a-z_]+\b", RULES.read_text("utf-8")))
    assert watched
    assert watched <= samples


def test_every_alert_has_a_section() -> None:
    headings = {name for line in re.findall(r"^### (.+)$", TEXT, re.MULTILINE) for name in line.split(", ")}
    assert headings == alerts()


@pytest.mark.parametrize("words", sorted(set(re.findall(r"`python -m service ([^`]+)`", TEXT))))
def test_every_command_is_one(words: str) -> None:
    command: click.Command = main
    for word in words.split():
        if isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            assert found, word
            command = found
        elif word.startswith("--"):
            assert word in {text for option in command.params for text in option.opts}, word


def test_every_variable_is_a_setting() -> None:
    function = (REPOSITORY / "cloud_function" / "function_settings.py").read_text("utf-8")
    known = {name.upper() for name in Settings.model_fields} | set(re.findall(r'given\.get\("(\w+)"', function))
    deployment = (REPOSITORY / "infra" / "bicep" / "main.bicepparam").read_text("utf-8")
    known |= set(re.findall(r"readEnvironmentVariable\('(\w+)'", deployment))
    # Read by Python's own ssl.
    known.add("SSL_CERT_FILE")
    assert set(re.findall(r"`([A-Z][A-Z]+(?:_[A-Z]+)+)(?:=\w+)?`", TEXT)) <= known


def test_every_event_is_logged_by_the_code() -> None:
    folders = (REPOSITORY / "service", REPOSITORY / "cloud_function")
    code = "".join(path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py"))
    outcomes = {f"job.{word}" for word in re.findall(r'_outcome\("(\w+)"', code)}
    named = set(
        re.findall(
            r"`((?:job|worker|engine|pool|canary|message|record|storage|queues|request|service|sweep|upload|next_stage)\.[a-z_]+)`",
            TEXT,
        )
    )
    assert named
    assert {name for name in named if f'"{name}"' not in code} <= outcomes


def test_every_benchmark_is_there() -> None:
    for name in re.findall(r"python -m benchmarks\.(\w+)", TEXT):
        assert (REPOSITORY / "benchmarks" / f"{name}.py").is_file(), name


def test_every_file_is_there() -> None:
    for path in re.findall(r"`((?:service|infra)/[\w/.-]+)`", TEXT):
        assert (REPOSITORY / path).exists(), path
