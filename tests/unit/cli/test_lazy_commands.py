"""The table of commands agrees with the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from service.cli.lazy_commands import COMMANDS, LazyCommands

FOLDER = Path(__file__).parents[3] / "service" / "cli"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_exists_and_its_help_line_agrees(name: str) -> None:
    table = LazyCommands("main")
    command = table.get_command(click.Context(table), name)
    assert command is not None
    # The command may say more.
    said, own = COMMANDS[name][1].split(), command.get_short_help_str(500).split()
    assert (command.name or "").replace("_", "-") == name
    assert [word.strip(",.:") for word in said[:2]] == [word.strip(",.:") for word in own[:2]]


def test_every_command_is_in_the_table() -> None:
    made = sum(file.read_text("utf-8").count("\n@click.command(") for file in FOLDER.glob("*.py"))
    groups = sum(file.read_text("utf-8").count("\n@click.group(") for file in FOLDER.glob("*.py"))
    assert made + groups == len(COMMANDS)


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from service.__main__ import main; main(['--help'], standalone_mode=False); "
        "print(*[name for name in sys.modules if name.startswith(('azure', 'flask', 'pandas', 'service.wiring'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
    assert all(name in done.stdout for name in COMMANDS)


def test_an_unknown_one_is_told() -> None:
    done = subprocess.run([sys.executable, "-m", "service", "analyze"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "No such command 'analyze'" in done.stderr
