"""`agree`: measure files with two engines and print how far their numbers lie apart."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from service import wiring
from service.cli.job_options import given_options, with_job_options
from service.cli.output import echo_json, echo_rows
from service.cli.passed_over import report_passed_over
from service.cli.startup import EXIT_FAILED, exit_on_error, load_settings
from service.errors import AnalysisError
from service.jobs.media_files import Found, find_media
from service.jobs.media_kind import Media, MediaType
from service.logs import configure
from service.results.agreement.figures import Agreement, ErrorFigure, FacesOfBoth, UnitFigure, agreement
from service.results.agreement.page import page
from service.results.agreement.side_by_side import SideBySide, lay_side_by_side, read_rows
from service.worker.local_run import Done, LocalRun

OWN = "own"
"""Name of the deployment's own engine, OPENFACE_BIN_DIR."""

KINDS: dict[Media, str] = {"image": "pictures", "video": "videos"}


@dataclass(frozen=True)
class _Compared:
    media: Media
    side_by_side: SideBySide
    faces: FacesOfBoth


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILES...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--engines",
    "names",
    required=True,
    metavar="A,B",
    help="Two names of ENGINES_AVAILABLE, or `own` for OPENFACE_BIN_DIR; A is the reference.",
)
@click.option("--media-type", type=click.Choice(["posed", "wild"]), help="Default: DEFAULT_MEDIA_TYPE (wild).")
@with_job_options(without=("overlay", "aligned", "gallery", "engine"))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Keep both engines' results here.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write plots and figures as a page.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def agree(
    inputs: tuple[Path, ...],
    names: str,
    media_type: MediaType | None,
    out: Path | None,
    report: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure photos and videos with two engines and print how far their numbers lie apart.

    FILES are files, or folders that are searched for media. Faces are those that both engines find; landmarks are in %
    of the distance between the outer eye corners, bias is B minus A. Exit code 1 if a file could not be compared.
    """
    pair = [name.strip() for name in names.split(",")]
    if len(pair) != 2 or pair[0] == pair[1]:
        raise click.UsageError("--engines takes two different names, as `--engines own,other`")
    settings = load_settings()
    configure(settings.log_format, "ERROR")
    search = find_media(inputs, leave_out=[out] if out else [])
    root, files = search.root, search.files
    report_passed_over(search.passed_over)
    if not files:
        raise click.ClickException("no photos or videos found")
    given = given_options(options)
    with exit_on_error(), ExitStack() as stack:
        folder = out.resolve() if out else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agree-")))
        done = []
        for name in pair:
            pipeline = stack.enter_context(wiring.local_pipeline(settings, root, folder / name))
            chosen = {} if name == OWN else {"engine": name}
            run = LocalRun(pipeline, folder / name, media_type or settings.default_media_type, given | chosen)
            done.append(list(run.analyse(files, lambda file, stage, progress: None)))
        compared, left = _compared(files, *done)
    found = {kind: _agreement(part) for media, kind in KINDS.items() if (part := _of(media, compared))}
    if report:
        faces = {
            kind: FacesOfBoth.joined([each.faces for each in _of(media, compared)]) for media, kind in KINDS.items()
        }
        report.write_text(page(pair, {kind: (figures, faces[kind]) for kind, figures in found.items()}, left), "utf-8")
    if as_json:
        figures = {kind: asdict(each) for kind, each in found.items()}
        echo_json({"reference": pair[0], "engine": pair[1], "not_compared": left, **figures})
    else:
        _print(pair, found, left)
    sys.exit(EXIT_FAILED if left else 0)


def _compared(
    files: Sequence[Found], reference: Sequence[Done], engine: Sequence[Done]
) -> tuple[list[_Compared], dict[str, str]]:
    """Pair both engines' tables of each file; and the files that were not compared, with the reason."""
    compared, left = [], {}
    for file, ours, theirs in zip(files, reference, engine, strict=True):
        error = ours.error or theirs.error
        if error or file.media is None or file.media == "sequence" or ours.csv is None or theirs.csv is None:
            left[file.name] = error.message.splitlines()[0] if error else "no table"
            continue
        try:
            tables = [read_rows(csv, file.media) for csv in (ours.csv, theirs.csv)]
        except AnalysisError as bad:
            left[file.name] = bad.message
            continue
        found = lay_side_by_side(*tables)
        sides = [table.measured(found.rows[:, side]) for side, table in enumerate(tables)]
        compared.append(_Compared(file.media, found, FacesOfBoth(*sides)))
    return compared, left


def _of(media: Media, compared: Sequence[_Compared]) -> list[_Compared]:
    return [each for each in compared if each.media == media]


def _agreement(compared: Sequence[_Compared]) -> Agreement:
    return agreement([each.side_by_side for each in compared], [each.faces for each in compared])


def _print(pair: Sequence[str], found: dict[str, Agreement], left: dict[str, str]) -> None:
    for kind, figures in found.items():
        counts = figures.frames
        compared = f"{figures.files} files, {counts['frames']} frames, {counts['faces_compared']} faces compared"
        alone = f"in {pair[0]} alone {counts['reference_alone']}, in {pair[1]} alone {counts['engine_alone']}"
        click.echo(f"{kind}: {compared}; a face in both in {counts['both']} frames, {alone}")
        echo_rows(("GROUP", "PART", "MEAN", "BIAS", "95 %", "N", "UNIT"), list(_error_rows(figures.errors)))
        echo_rows(
            ("ACTION UNIT", "R", "MEAN ERROR", "BIAS", "N", "SAME PRESENCE", "N"),
            list(_unit_rows(figures.action_units)),
        )
    for name, why in left.items():
        click.echo(f"not compared: {name}: {why}", err=True)


def _error_rows(figures: Sequence[ErrorFigure]) -> Iterator[tuple[str, ...]]:
    for each in figures:
        numbers = (_number(value) for value in (each.mean, each.bias, each.worst))
        yield (each.group, each.what, *numbers, str(each.n), each.unit)


def _unit_rows(figures: Sequence[UnitFigure]) -> Iterator[tuple[str, ...]]:
    for each in figures:
        numbers = (_number(value) for value in (each.r, each.mae, each.bias))
        yield (each.unit, *numbers, str(each.n), _number(each.presence_agreement), str(each.presence_n))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
