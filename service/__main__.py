"""The command line: analyse by hand, serve the web, work the queue.

Exit codes: 0 well, 1 something failed, 2 asked or set wrongly, 3 no engine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import TaskID

from service import __version__, wiring
from service.by_hand import ByHand, Found, find_media
from service.display import bars, summary_line
from service.errors import EngineUnavailable
from service.job import MediaType
from service.logs import configure
from service.settings import BadSettings, Settings
from service.web.server import Server, refuse_open_door

EXIT_FAILED, EXIT_USAGE, EXIT_ENGINE_UNAVAILABLE = 1, 2, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Action units, head pose, gaze and landmarks of faces, measured by the OpenFace commands.

    Settings come from the environment or a TOML file (SETTINGS_FILE); `settings` lists them.
    """


@main.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
@click.option("--media-type", type=click.Choice(["posed", "wild"]), help="Default: DEFAULT_MEDIA_TYPE (wild).")
@click.option("--faces", type=click.Choice(["one", "many"]), help="Default: many for pictures, one for videos.")
@click.option("--au", type=click.Choice(["dynamic", "static"]), help="Default: dynamic for videos with one face.")
@click.option("--multi-view", type=click.Choice(["0", "1"]), help="Default: 1 for wild, 0 for posed.")
@click.option("--again", is_flag=True, help="Also where a whole result of the same file, options and engine is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file on standard output, no progress bars.")
def analyse(
    inputs: tuple[Path, ...],
    out: Path,
    media_type: MediaType | None,
    again: bool,
    as_json: bool,
    **options: str | None,
) -> None:
    """Analyse photos and videos on this machine, with no storage account.

    INPUTS are files, or folders that are searched for media. Each file gets a folder of its own below --out, with
    its CSV, a manifest that says what was measured by what, and the engine's log.
    """
    settings = _settings()
    configure(settings.log_format, "ERROR")
    root, files = find_media(inputs)
    if not files:
        raise click.ClickException("no photos or videos in there")
    with _told(), wiring.local_pipeline(settings, root, out) as pipeline:
        by_hand = ByHand(
            pipeline=pipeline,
            out=out.resolve(),
            media_type=media_type or settings.default_media_type,
            options={name: value for name, value in options.items() if value},
            again=again,
        )
        failures = _analyse_all(by_hand, files, as_json)
    if failures:
        sys.exit(EXIT_FAILED)


@main.command()
def web() -> None:
    """Serve the HTTP API (HOST, PORT)."""
    settings = _settings()
    configure(settings.log_format, settings.log_level)
    with _told():
        refuse_open_door(settings)
        wiring.web_services(settings)
    Server(settings, lambda: wiring.web_app(settings)).run()


@main.command()
def worker() -> None:
    """Take jobs from the queue, one at a time, until told to stop.

    SIGTERM: the item in hand is finished within SHUTDOWN_GRACE_S, else handed back; a second one hands it back now.
    """
    settings = _settings()
    configure(settings.log_format, settings.log_level)
    with _told():
        sys.exit(wiring.run_worker(settings))


@main.command("settings")
def show_settings() -> None:
    """List every setting: variable, default, meaning."""
    for name, field in Settings.model_fields.items():
        default = "" if field.is_required() else field.get_default(call_default_factory=True)
        click.echo(f"{name.upper()}={'' if default is None else default}\n    {field.description}")


def _settings() -> Settings:
    try:
        return Settings.load()
    except BadSettings as error:
        raise Refused(str(error)) from error


@contextmanager
def _told() -> Iterator[None]:
    """What keeps a command from starting, in a sentence and an exit code instead of a traceback."""
    try:
        yield
    except BadSettings as error:
        raise Refused(str(error)) from error
    except EngineUnavailable as error:
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(EXIT_ENGINE_UNAVAILABLE)


class Refused(click.ClickException):
    """The command cannot start as it was set up."""

    exit_code = EXIT_USAGE


def _analyse_all(by_hand: ByHand, files: list[Found], as_json: bool) -> int:
    """Analyse, showing a bar a file and one in all; returns how many failed."""
    failures = 0
    with bars(hidden=as_json) as progress:
        whole = progress.add_task("all files", total=len(files))
        tasks: dict[str, TaskID] = {}

        def watch(file: Found, stage: str, fraction: float) -> None:
            if file.name not in tasks:
                tasks[file.name] = progress.add_task(file.name, total=1.0)
            progress.update(tasks[file.name], completed=fraction, description=f"{file.name}  [dim]{stage}[/]")

        for done in by_hand.analyse(files, watch):
            failures += done.outcome == "failed"
            if done.name in tasks:
                progress.remove_task(tasks.pop(done.name))
            progress.advance(whole)
            if as_json:
                click.echo(json.dumps(done.as_dict()))
            else:
                progress.console.print(summary_line(done), markup=False, highlight=False, soft_wrap=True)
    return failures


if __name__ == "__main__":
    main()
