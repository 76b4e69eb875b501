import errno
import os

import click
import pytest
from click.testing import CliRunner

from service.cli.lazy_commands import LazyCommands
from service.cli.unexpected import EXTRAS, sentence


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/a.csv"), "/data/a.csv: the disk is full"),
        (PermissionError(errno.EACCES, "no", "/root/x"), "/root/x: no permission: name another folder"),
        (OSError(errno.EADDRINUSE, "in use"), "the port is taken"),
        (MemoryError(), "not enough memory"),
        (ModuleNotFoundError("no", name="flask.views"), "pip install 'faceline[server]'"),
        (ValueError("odd"), "ValueError: odd (run `faceline --debug"),
    ],
)
def test_an_unexpected_error_becomes_a_sentence_with_advice(error, words):
    assert words in sentence(error)


def test_extras_name_installed_modules_only():
    assert set(EXTRAS.values()) <= {"server", "media", "identity", "otel"}


@pytest.fixture
def failing(monkeypatch):
    @click.command()
    def fails() -> None:
        raise OSError(errno.EROFS, "read-only", "/out")

    monkeypatch.setattr(LazyCommands, "get_command", lambda self, ctx, name: fails)

    @click.group(cls=LazyCommands)
    @click.option("--debug", is_flag=True)
    def main(debug: bool) -> None:
        pass

    return main


def test_ctrl_c_says_how_to_go_on(monkeypatch, failing):
    @click.command()
    def waits() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LazyCommands, "get_command", lambda self, ctx, name: waits)
    done = CliRunner().invoke(failing, ["x"])
    assert done.exit_code == 1
    assert "run the same command again to go on" in done.output


def test_a_traceback_is_shown_only_with_debug(failing):
    done = CliRunner().invoke(failing, ["x"])
    assert (done.exit_code, done.output) == (1, "Error: /out: that file system is read-only: name another folder\n")
    assert isinstance(CliRunner().invoke(failing, ["--debug", "x"]).exception, OSError)
