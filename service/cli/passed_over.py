"""Say which files of a command line are left out, and why."""

from __future__ import annotations

from collections.abc import Sequence

import click

from service.cli.output import shown
from service.jobs.media_files import PassedOver

MOST_NAMED = 20

with_strict = click.option("--strict", is_flag=True, help="Exit code 1 also where a file is not taken.")


def report_passed_over(files: Sequence[PassedOver]) -> None:
    """Name them on standard error, each with its reason; of very many the first ones and their number."""
    for file in files[:MOST_NAMED]:
        click.echo(f"not taken: {shown(file.name)}: {file.reason}", err=True)
    if len(files) > MOST_NAMED:
        click.echo(f"not taken: and {len(files) - MOST_NAMED} more", err=True)
