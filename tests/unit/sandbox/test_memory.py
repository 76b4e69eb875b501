"""Children's memory is a share of their container's, and doctor says where that cannot be."""

from __future__ import annotations

import pytest

from service.sandbox.memory import WebMemory, WorkerMemory
from service.settings import Settings

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
