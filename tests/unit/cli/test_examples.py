"""Every command has examples in its help, and each can be parsed."""

import shlex

import click
import pytest

from service.__main__ import main
from service.cli.examples import EXAMPLES


def leaves(group, path=""):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS = dict(leaves(main))


def test_every_command_has_examples():
    assert set(COMMANDS) == set(EXAMPLES)


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_examples_name_options_that_exist(path, monkeypatch):
    monkeypatch.setattr(click.Path, "convert", lambda self, value, *_: value)
    for example in EXAMPLES[path]:
        words = [word for word in shlex.split(example) if "=" not in word or word.startswith("-")]
        arguments = words[len(["faceline", *path.split()]) :]
        assert words[: len(words) - len(arguments)] == ["faceline", *path.split()]
        service = {"url": "http://127.0.0.1"} if "--url" not in arguments else {}
        COMMANDS[path].make_context(path, arguments, default_map=service)
