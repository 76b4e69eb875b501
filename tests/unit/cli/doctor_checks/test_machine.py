"""Checks of the machine: room for media, and decoders that start and read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import service.sandbox.python_child
from service.cli.doctor_checks.check import Check
from service.cli.doctor_checks.machine import decoders_check, workspace_check
from service.sandbox.media import MediaLimits
from service.settings import Settings


def test_decoders_that_do_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where the child looks for this package first: as in an installation that is not whole.
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").touch()
    monkeypatch.setattr(service.sandbox.python_child, "PACKAGES", tmp_path)
    told = decoders_check(tmp_path, MediaLimits(max_pixels=10**6, max_duration_s=60))
    assert told.status == "failed"
    assert "ModuleNotFoundError" in told.said
    assert "requirements.txt" in told.advice


def test_decoders_that_fail_on_whole_media(tmp_path: Path) -> None:
    told = decoders_check(tmp_path, MediaLimits(max_pixels=10, max_duration_s=60))
    assert told.status == "failed"
    assert told.said.startswith("image: ")


def test_a_disk_that_is_smaller_than_the_largest_media(tmp_path: Path) -> None:
    free_mb = shutil.disk_usage(tmp_path).free // 2**20

    def checked(max_media_mb: int) -> Check:
        return workspace_check(Settings.load({"WORKSPACE": str(tmp_path), "MAX_MEDIA_MB": str(max_media_mb)}))

    assert checked(free_mb * 2).status == "failed"
    assert "lower MAX_MEDIA_MB" in checked(free_mb * 2).advice
    assert checked(free_mb * 3 // 4).status == "warning"
    assert checked(max(free_mb // 4, 1)).status == "ok"
