"""The table of commands: what each is for, and where it is, so that listing them imports none."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "analyse": ("analyse:analyse", "Analyse photos and videos on this machine, with no storage account."),
    "canary": ("canary:canary", "Measure the reference picture, and compare with what was recorded of this engine."),
    "collect": ("collect:collect", "Join RESULTS into one tidy table: one row a frame or face."),
    "compare": ("compare:compare_command", "Hold RESULT against desired action units."),
    "doctor": ("doctor:doctor", "Try everything that a web server or worker needs, and say what to do."),
    "download": ("download:download", "Download the results of jobs, or of all jobs of containers."),
    "jobs": ("jobs:jobs", "Look at jobs, run them again, end them."),
    "key": ("key:key", "Make, list and revoke the API's keys."),
    "next-stage": ("next_stage:next_stage", "Receive the function app's next-stage calls, and judge each result."),
    "poison": ("poison:poison", "Look at messages that were set aside, replay or drop them."),
    "purge": ("purge:purge", "Delete for good, and print a receipt (JSON)."),
    "queues": ("queues:queues", "Log how much waits, for how long, and how much was set aside."),
    "reference": ("compare:reference", "Make parameters from RESULT: the action units that it shows."),
    "report": ("report:report", "Make report.html, summary.json, methods.txt and citation.bib of each result."),
    "settings": ("settings:settings", "List every setting: variable, default, meaning."),
    "status": ("download:status", "Show where jobs are."),
    "submit": ("submit:submit", "Send photos and videos to a service, follow them, download what was measured."),
    "sweep": ("sweep:sweep", "Find uploads without a job, jobs without a message, and what else fell through."),
    "watch": ("download:watch", "Follow jobs, or all jobs of containers, until they have finished."),
    "web": ("web:web", "Serve the HTTP API (HOST, PORT)."),
    "worker": ("worker:worker", "Take jobs from the queue until told to stop."),
}
"""Name: file and function, and what `--help` says."""


class Table(click.Group):
    """Commands that are imported when they are needed: all of them together take seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        file, function = COMMANDS[name][0].split(":")
        command: click.Command = getattr(import_module(f"service.cli.{file}"), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])
