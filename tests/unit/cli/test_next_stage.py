"""`next-stage` starts with a secret and with addresses, or says in words why it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.conftest import CommandLine

SECRET = "0123456789abcdef"


@pytest.mark.parametrize(
    ("environ", "storage", "why"),
    [
        ({}, "https://x", "NEXT_STAGE_SECRET needs at least 16 characters"),
        ({"NEXT_STAGE_SECRET": SECRET[:-1]}, "https://x", "NEXT_STAGE_SECRET needs at least 16 characters"),
        ({"NEXT_STAGE_SECRET": SECRET}, "ftp://x", "--storage-url: ftp://x is no http(s) address"),
    ],
)
def test_a_weak_secret_or_an_odd_address_is_refused(
    tmp_path: Path, environ: dict[str, str], storage: str, why: str
) -> None:
    done = CommandLine(environ)("next-stage", "--reference", "p.json", "--out", str(tmp_path), "--storage-url", storage)
    assert (done.exit_code, why in done.stderr) == (2, True)


def test_parameters_that_cannot_be_read_are_told_before_anything_is_served(tmp_path: Path) -> None:
    arguments = (
        "--reference",
        str(tmp_path / "none.json"),
        "--out",
        str(tmp_path / "out"),
        "--storage-url",
        "https://x",
    )
    done = CommandLine({"NEXT_STAGE_SECRET": SECRET})("next-stage", *arguments)
    assert (done.exit_code, "(bad_parameters)" in done.stderr) == (1, True)
    assert not (tmp_path / "out").exists()
