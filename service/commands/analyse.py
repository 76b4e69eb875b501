"""`analyse`: photos and videos of this machine, with no storage account."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.progress import TaskID

from service import wiring
from service.by_hand import ByHand, Found, find_media
from service.commands.display import bars, summary_line
from service.commands.starting import EXIT_FAILED, load_settings, told
from service.job import MediaType
from service.logs import configure


@click.command()
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
    settings = load_settings()
    configure(settings.log_format, "ERROR")
    root, files = find_media(inputs)
    if not files:
        raise click.ClickException("no photos or videos in there")
    with told(), wiring.local_pipeline(settings, root, out) as pipeline:
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


def _analyse_all(by_hand: ByHand, files: list[Found], as_json: bool) -> int:
    """Analyse, showing a bar a file and one in all; returns how many failed."""
    failures = 0
    with bars(hidden=as_json) as progress:
        whole = progress.add_task("all files", total=len(files))
        tasks: dict[str, TaskID] = {}

        def watch(file: Found, stage: str, fraction: float) -> None:
            if file.name not in tasks:
                tasks[file.name] = progress.add_task("", total=1.0, one_file=True)
            progress.update(tasks[file.name], completed=fraction, description=f"{file.name} ({stage})")

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
