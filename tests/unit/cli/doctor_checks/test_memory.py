"""Doctor says where children's memory cannot be what settings ask for."""

from __future__ import annotations

from service.cli.doctor_checks.memory import memory_check
from service.settings import Settings

WORKER = {"ENGINES": "2"}


def test_a_setting_wins_and_doctor_says_that_it_is_too_much() -> None:
    settings = Settings.load({**WORKER, "ENGINE_MEMORY_MB": "8192", "WEB_WORKERS": "1", "DETECT_CHILDREN": "1"})
    check = memory_check(settings, 6144)
    assert check.status == "warning"
    assert "2 engines of 8,192" in check.said
    assert "ENGINE_MEMORY_MB" in check.advice
    assert memory_check(Settings.load({**WORKER, "WEB_WORKERS": "1", "DETECT_CHILDREN": "1"}), 6144).status == "ok"
