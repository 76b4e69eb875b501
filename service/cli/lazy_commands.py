"""The table of commands with their modules, so that listing them imports none."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from service.cli.examples import epilog
from service.cli.unexpected import sentence

COMMANDS = {
    "agree": ("agree:agree", "Measure photos and videos with two engines and print how far their numbers lie apart."),
    "analyse": ("analyse:analyse", "Analyse photos and videos on this machine, without a storage account."),
    "canary": ("canary:canary", "Measure the reference picture and compare with the record of this engine."),
    "collect": ("collect:collect", "Join RESULTS into one tidy table: one row a frame or face."),
    "compare": (
        "compare:compare_command",
        "Compare RESULT with desired action units: list those outside their tolerance, and by how much.",
    ),
    "doctor": ("doctor:doctor", "Check everything that a web server or worker needs, with advice where a check fails."),
    "download": ("download:download", "Download the results of jobs, or of all jobs of containers."),
    "galleries": ("galleries:galleries", "List galleries of people, hand them over, delete them."),
    "jobs": ("jobs:jobs", "List, show, rerun and cancel jobs."),
    "key": ("key:key", "Make, list and revoke the API's keys."),
    "next-stage": (
        "next_stage:next_stage",
        "Receive the function app's next-stage calls, and compare each result with desired action units.",
    ),
    "poison": ("poison:poison", "List, show, replay and drop messages in the poison queue."),
    "purge": ("purge:purge", "Delete permanently, and print a receipt (JSON)."),
    "queues": (
        "queues:queues",
        "Log the lengths of both queues and the age of the oldest waiting message; run it on a schedule.",
    ),
    "reference": ("compare:reference", "Make parameters from RESULT: its action units become the desired ones."),
    "report": (
        "report:report",
        "Make report.html, summary.json, methods.txt and citation.bib beside the table of each result.",
    ),
    "settings": ("settings:settings", "List every setting: variable, default, meaning."),
    "status": (
        "download:status",
        "Show the state of jobs: of the given ids (32 hex digits), or of all jobs of a container.",
    ),
    "submit": ("submit:submit", "Upload photos and videos to a service, follow their jobs, and download the results."),
    "sweep": (
        "sweep:sweep",
        "Find uploads without a job, jobs without a message, stuck records, and leftovers of dead attempts.",
    ),
    "watch": ("download:watch", "Follow jobs, or all jobs of containers, until they have finished."),
    "web": ("web:web", "Serve the HTTP API (HOST, PORT)."),
    "worker": ("worker:worker", "Analyse jobs from the queue until stopped."),
}
"""File, function and help line of each command, by its name."""


class LazyCommands(click.Group):
    """Import a command when it is called: importing all of them takes seconds."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an unexpected error ends in a sentence and exit code 1, without a traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("\nstopped; what was finished is kept: run the same command again to go on", err=True)
            raise click.exceptions.Exit(1) from None
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(sentence(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        file, function = COMMANDS[name][0].split(":")
        command: click.Command = getattr(import_module(f"service.cli.{file}"), function)
        command.epilog = epilog(name)
        if isinstance(command, click.Group):
            for part, below in command.commands.items():
                below.epilog = epilog(f"{name} {part}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])
