"""The options of an analysis as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from service.jobs.options import RequestedOptions, choices

Command = TypeVar("Command", bound=Callable[..., Any])


def with_job_options(*names: str) -> Callable[[Command], Command]:
    """Add these options of an analysis to a command, with the values and descriptions of the HTTP route."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            values = choices(name)
            text = (RequestedOptions.model_fields[name].description or "").replace("`", "")
            kind = click.Choice(values) if values else click.STRING
            command = click.option(f"--{name.replace('_', '-')}", type=kind, help=text)(command)
        return command

    return decorate
