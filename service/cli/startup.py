"""Shared by all commands at their start: load the settings, and report errors in a sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from service.errors import AnalysisError, EngineUnavailable
from service.sandbox.confinement import configure, hide_process
from service.settings import BadSettings, Settings, drop_secrets

EXIT_FAILED, EXIT_USAGE, EXIT_ENGINE_UNAVAILABLE = 1, 2, 3


class Refused(click.ClickException):
    """The command cannot start with these settings or arguments."""

    exit_code = EXIT_USAGE


def load_settings() -> Settings:
    """Load the settings; end the process with all their faults if any is invalid."""
    try:
        settings = Settings.load()
    except BadSettings as error:
        raise Refused(str(error)) from error
    prepare_process(settings)
    return settings


def prepare_process(settings: Settings) -> None:
    """Confine the process's children as the settings say, and close its memory and its secrets to them."""
    configure(settings)
    hide_process()
    drop_secrets()


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print an error in one sentence and end the process with its exit code."""
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
