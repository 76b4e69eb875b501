"""`worker` refuses what it could not work with before it receives anything; working is in `integration/worker`."""

from __future__ import annotations

import pytest

from tests.integration.cli.conftest import CommandLine


@pytest.mark.parametrize("option", ["--until-idle", "--take-for"])
@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_time_without_length_is_wrong_usage(option: str, seconds: str) -> None:
    done = CommandLine({})("worker", option, seconds)
    assert (done.exit_code, option in done.stderr) == (2, True)


def test_a_worker_without_storage_says_what_to_set() -> None:
    done = CommandLine({})("worker")
    assert (done.exit_code, "AZURE_STORAGE_CONNECTION_STRING" in done.stderr) == (2, True)
