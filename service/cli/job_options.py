"""The options of an analysis as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from service.jobs.options import OPTION_NAMES, RequestedOptions, choices, value_type

Command = TypeVar("Command", bound=Callable[..., Any])

TYPES = {str: click.STRING, int: click.INT, float: click.FLOAT}


def with_job_options(*, without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Add the options of an analysis to a command, with the values and descriptions of the HTTP route."""

    def decorate(command: Command) -> Command:
        for name in reversed([name for name in OPTION_NAMES if name not in without]):
            values = choices(name)
            text = (RequestedOptions.model_fields[name].description or "").replace("`", "")
            kind = click.Choice(values) if values else TYPES[value_type(name)]
            command = click.option(f"--{name.replace('_', '-')}", type=kind, help=text)(command)
        return command

    return decorate


def given_options(options: dict[str, Any]) -> dict[str, str]:
    """Return the options that were given, as the route takes them."""
    return {name: str(value) for name, value in options.items() if value is not None}
