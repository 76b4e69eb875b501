"""The command line: analyse by hand, serve the web, work the queue.

Exit codes: 0 well, 1 something failed, 2 asked or set wrongly, 3 no engine.
"""

from __future__ import annotations

import click

from service import __version__
from service.commands.analyse import analyse
from service.commands.canary import canary
from service.commands.collect import collect
from service.commands.compare import compare_command, reference
from service.commands.doctor import doctor
from service.commands.jobs import jobs
from service.commands.key import key
from service.commands.next_stage import next_stage
from service.commands.poison import poison
from service.commands.purge import purge
from service.commands.queues import queues
from service.commands.remote import download, status, watch
from service.commands.report import report
from service.commands.serve import web, worker
from service.commands.submit import submit
from service.commands.sweep import sweep
from service.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Action units, head pose, gaze and landmarks of faces, measured by the OpenFace commands.

    Settings come from the environment or a TOML file (SETTINGS_FILE); `settings` lists them.
    """


@main.command("settings")
def show_settings() -> None:
    """List every setting: variable, default, meaning."""
    for name, field in Settings.model_fields.items():
        default = "" if field.is_required() else field.get_default(call_default_factory=True)
        click.echo(f"{name.upper()}={'' if default is None else default}\n    {field.description}")


for command in (
    analyse,
    report,
    web,
    worker,
    key,
    doctor,
    jobs,
    poison,
    queues,
    sweep,
    canary,
    purge,
    submit,
    status,
    watch,
    download,
    reference,
    compare_command,
    next_stage,
    collect,
):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m service")
