"""Jobs of a remote service on the command line: names of their folders, and their state in a row."""

from __future__ import annotations

from typing import Any

import pytest

from service.cli.download import _since, _where, folder_name
from service.client.models import RemoteJob

FIELDS = {
    "id": "0123456789abcdef" * 2,
    "state": "running",
    "stage": "engine",
    "progress": 0.5,
    "container": "c-1",
    "blob": "d/a.jpg",
    "media": "image",
    "media_type": "wild",
}


def job(**changes: Any) -> RemoteJob:
    return RemoteJob.model_validate(FIELDS | changes)


@pytest.mark.parametrize(
    ("blob", "name"),
    [
        ("a.jpg", "a.jpg~0123456789ab"),
        ("../../etc/passwd", "passwd~0123456789ab"),
        ("..", "_~0123456789ab"),
        ("a\nb.jpg", "a_b.jpg~0123456789ab"),
        ("é" * 400, "é" * 100 + "~0123456789ab"),
    ],
)
def test_a_folder_is_readable_safe_and_the_jobs_own(blob: str, name: str) -> None:
    assert folder_name(job(blob=blob)) == name
    assert folder_name(job(blob=blob, id="f" * 32)) != name


def test_times_are_in_utc_and_absent_ones_are_empty() -> None:
    assert _since(job(times={"created": "2026-01-02T03:04:05.678+02:00"})) == "2026-01-02 01:04:05"
    assert (_since(job()), _since(job(times={"created": None}))) == ("", "")


def test_a_failed_job_shows_its_error_in_place_of_its_stage() -> None:
    assert _where(job()) == "engine"
    assert _where(job(error={"code": "engine_crashed", "message": "signal 9"})) == "engine_crashed: signal 9"
