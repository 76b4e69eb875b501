"""In every deployment the children of a container stay, all together, below its memory."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from infra.checks.chart import values_of
from infra.checks.check import BICEP
from infra.steps import REPOSITORY
from service.sandbox.memory import WebMemory, WorkerMemory
from service.settings import Settings

COMPOSE = REPOSITORY / "infra" / "compose" / "compose.yaml"
SIZES = ("webSize", "worker")
UNITS = {"g": 1024, "Gi": 1024, "m": 1, "Mi": 1}


def mib(text: str) -> int:
    number, unit = re.fullmatch(r"([0-9.]+)(\w+)", text).groups()  # type: ignore[union-attr]
    return int(float(number) * UNITS[unit])


def defaults(text: Any) -> str:
    """Fill in the defaults of `${NAME:-default}`."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(text))


def compose(part: str) -> tuple[int, Settings]:
    """Memory without the workspace, which lies in it, and the settings."""
    service = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"][part]
    [workspace] = service["tmpfs"]
    in_memory = mib(re.search(r"size=(\w+)", defaults(workspace))[1])  # type: ignore[index]
    given = {name: defaults(value) for name, value in service["environment"].items() if name.endswith("_MB")}
    processors = defaults(service["cpus"])
    extra = (
        {"ENGINES": processors}
        if part == "worker"
        else {"WEB_WORKERS": defaults(service["environment"]["WEB_WORKERS"])}
    )
    return mib(defaults(service["mem_limit"])) - in_memory, Settings.load(given | extra | {"DETECT_CHILDREN": "1"})


def helm(part: str) -> tuple[int, Settings]:
    values = values_of()
    web, worker = values["web"], values["worker"]
    given = {
        "ENGINES": worker["engines"],
        "ENGINE_MEMORY_MB": worker["engineMemoryMb"],
        "DECODER_MEMORY_MB": worker["decoderMemoryMb"],
        "WEB_WORKERS": web["processes"],
        "WEB_CHILD_MEMORY_MB": web["childMemoryMb"],
        "DETECT_CHILDREN": max(1, int(web["resources"]["limits"]["cpu"]) // web["processes"]),
    }
    return mib(values[part]["resources"]["limits"]["memory"]), Settings.load({k: str(v) for k, v in given.items()})


def _object(text: str, name: str) -> str:
    found = re.search(rf"^param {name} object = \{{(.*?)^\}}", text, re.M | re.S)
    assert found
    return found[1]


def bicep(part: str) -> tuple[int, Settings]:
    text = (BICEP / "main.bicep").read_text("utf-8")
    sizes = {name: dict(re.findall(r"^  (\w+): '?([\w.]+)'?$", _object(text, name), re.M)) for name in SIZES}
    web_workers = re.search(r"'WEB_WORKERS', value: '(\d)'", (BICEP / "modules" / "web.bicep").read_text("utf-8"))
    assert web_workers
    given = {
        "ENGINES": sizes["worker"]["engines"],
        "ENGINE_MEMORY_MB": sizes["worker"]["engineMemoryMb"],
        "DECODER_MEMORY_MB": sizes["worker"]["decoderMemoryMb"],
        "WEB_WORKERS": web_workers[1],
        "WEB_CHILD_MEMORY_MB": sizes["webSize"]["childMemoryMb"],
        "DETECT_CHILDREN": "1",
    }
    return mib(sizes["webSize" if part == "web" else "worker"]["memory"]), Settings.load(given)


@pytest.mark.parametrize("deployment", [compose, helm, bicep])
@pytest.mark.parametrize("part", ["web", "worker"])
def test_children_together_stay_below_the_container(deployment: Any, part: str) -> None:
    memory, settings = deployment(part)
    shares = WebMemory.of(settings, memory) if part == "web" else WorkerMemory.of(settings, memory)
    assert shares.together_mb <= memory
