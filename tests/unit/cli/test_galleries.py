"""`galleries` where there are none: refused in words; their work is in `integration/identity/test_erasure`."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.cli.galleries import people_in
from service.settings import Settings
from tests.integration.cli.conftest import CommandLine


@pytest.mark.parametrize("arguments", [("list",), ("hand-over", "anonymous", "anonymous")])
def test_without_identity_there_are_no_galleries(arguments: tuple[str, ...]) -> None:
    done = CommandLine({})("galleries", *arguments)
    assert (done.exit_code, "IDENTITY is not on" in done.stderr) == (2, True)
    assert people_in(Settings.load({}), "anna") == 0


def test_a_gallery_is_handed_to_a_key_that_exists(tmp_path: Path) -> None:
    run = CommandLine({"IDENTITY": "on", "WORKSPACE": str(tmp_path)})
    done = run("galleries", "hand-over", "anonymous", "absent")
    assert (done.exit_code, "there is no key 'absent'" in done.stderr) == (2, True)
    assert run("galleries", "hand-over", "anonymous", "../x").exit_code != 0
    # Nothing was made for it.
    assert run("galleries", "list").stdout == ""
