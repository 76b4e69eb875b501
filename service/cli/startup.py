"""What all commands share at their start: the settings, and being refused in a sentence instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from service.errors import AnalysisError, EngineUnavailable
from service.settings import BadSettings, Settings

EXIT_FAILED, EXIT_USAGE, EXIT_ENGINE_UNAVAILABLE = 1, 2, 3


class Refused(click.ClickException):
    """The command cannot start as it was set up."""

    exit_code = EXIT_USAGE


def load_settings() -> Settings:
    """The settings of this process, or the end of it with all that is wrong with them."""
    try:
        return Settings.load()
    except BadSettings as error:
        raise Refused(str(error)) from error


@contextmanager
def exit_on_error() -> Iterator[None]:
    """What keeps a command from working, in a sentence and an exit code."""
    try:
        yield
    except BadSettings as error:
        raise Refused(str(error)) from error
    except EngineUnavailable as error:
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(EXIT_ENGINE_UNAVAILABLE)
    except AnalysisError as error:
        click.echo(f"Error: {error.message} ({error.code})", err=True)
        sys.exit(EXIT_FAILED)
