"""Children's memory is a share of their container's, and doctor says where that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.cli.doctor_checks.memory import memory_check
from service.sandbox.memory import WebMemory, WorkerMemory
from service.settings import Settings, container_memory_mb

WORKER = {"ENGINES": "2"}


@pytest.mark.parametrize("container_mb", [4096, 6144, 16384, 65536])
def test_a_worker_s_children_stay_together_below_the_container(container_mb: int) -> None:
    memory = WorkerMemory.of(Settings.load(WORKER), container_mb)
    assert memory.together_mb <= container_mb
    assert memory.engine_mb == min(8192, 2 * memory.decoder_mb)


@pytest.mark.parametrize("container_mb", [6144, 16384])
def test_a_web_server_s_children_stay_together_below_the_container(container_mb: int) -> None:
    settings = Settings.load({"WEB_WORKERS": "2", "DETECT_CHILDREN": "1"})
    assert WebMemory.of(settings, container_mb).together_mb <= container_mb


def test_without_a_container_the_limits_are_the_usual_ones() -> None:
    memory = WorkerMemory.of(Settings.load(WORKER), None)
    assert (memory.engine_mb, memory.decoder_mb) == (8192, 4096)


def test_a_setting_wins_and_doctor_says_that_it_is_too_much() -> None:
    settings = Settings.load({**WORKER, "ENGINE_MEMORY_MB": "8192", "WEB_WORKERS": "1", "DETECT_CHILDREN": "1"})
    check = memory_check(settings, 6144)
    assert check.status == "warning"
    assert "2 engines of 8,192" in check.said
    assert "ENGINE_MEMORY_MB" in check.advice
    assert memory_check(Settings.load({**WORKER, "WEB_WORKERS": "1", "DETECT_CHILDREN": "1"}), 6144).status == "ok"


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"memory.max": "6442450944\n"}, 6144),
        ({"memory.max": "max\n"}, None),
        ({"memory/memory.limit_in_bytes": "2147483648\n"}, 2048),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ({"memory.max": "6442450944\n", "part/memory.max": "1073741824\n"}, 1024),
        ({}, None),
    ],
)
def test_the_limit_of_the_innermost_control_group_counts(
    tmp_path: Path, files: dict[str, str], limit: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text)
    membership = tmp_path / "membership"
    membership.write_text("0::/part\n")
    assert container_memory_mb(tmp_path / "cgroup", membership) == limit
