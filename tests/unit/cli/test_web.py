"""`web` refuses to open a door by mistake, and to start without storage; serving is in `integration/web`."""

from __future__ import annotations

import pytest

from tests.integration.cli.conftest import CommandLine


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HOST": "0.0.0.0"}, "ALLOW_ANONYMOUS"),
        ({"HOST": "127.0.0.1", "PORT": "1"}, ""),
        ({"PORT": "no number"}, "PORT"),
    ],
)
def test_a_server_that_cannot_or_may_not_serve_says_why(environ: dict[str, str], said: str) -> None:
    done = CommandLine(environ)("web")
    assert (done.exit_code, said in done.stderr, "Traceback" in done.output) == (2, True, False)


def test_a_server_without_storage_says_what_to_set() -> None:
    done = CommandLine({"PORT": "0"})("web")
    assert done.exit_code == 2
