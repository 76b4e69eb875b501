"""`python -m benchmarks.fidelity FOLDER…`: how close an engine's numbers are to real OpenFace's, on pairs you have.

A pair is a picture or video with the CSV that OpenFace wrote for it beside it (2.x, and of videos 1.x), of the same
stem. Files in a folder of their own show one person; any other file is a person of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from benchmarks.bound import Bound
from benchmarks.by_group import BadGroups, Grouped, by_group, detection_by_group, read_groups
from benchmarks.fidelity_tables import show
from benchmarks.pairs import NotCompared, Pair, find_pairs, find_unlabelled
from benchmarks.people import by_person, verdicts
from benchmarks.told import machine, machine_line, new_console, write_json
from infra.local.stack import REPOSITORY
from service.engine.command import EngineTask
from service.engine.installed import Engine
from service.engine.output import read_table as collect_table
from service.engine.run import run_engine
from service.errors import AnalysisError, EngineUnavailable
from service.jobs.media_kind import Media, MediaType
from service.results.agreement.figures import FacesOfBoth, agreement, errors, frame_counts
from service.results.agreement.side_by_side import Rows, SideBySide, lay_side_by_side
from service.results.agreement.side_by_side import read_rows as read_table
from service.sandbox.process import ChildLimits

EXIT_FAILED = 1
KINDS: dict[str, Media] = {"videos": "video", "pictures": "image"}

# Generous: the slowest real OpenFace that was reported does two frames a second.
_TIME_S, _TIME_PER_FRAME_S = 120.0, 1.0
_MEMORY_BYTES, _FILE_BYTES = 8 << 30, 16 << 30


@dataclass(frozen=True)
class Aim:
    """What a figure is held against. `of` and `what` name it: a group and a part, or an action unit and `r`."""

    of: str
    what: str
    bound: Bound
    kinds: tuple[str, ...] = tuple(KINDS)


_LEAST_R = {"AU01": 0.85, "AU12": 0.8, "AU25": 0.6, "AU45": 0.88}
AIMS = (
    Aim("landmarks", "all 68", Bound(at_most=2.8)),
    Aim("head pose", "pitch", Bound(at_most=1.8)),
    Aim("head pose", "yaw", Bound(at_most=1.8)),
    Aim("head pose", "roll", Bound(at_most=0.8)),
    *(Aim("head pose", f"T{axis}", Bound(at_most=10)) for axis in "xyz"),
    *(Aim(unit, "r", Bound(at_least=least), kinds=("videos",)) for unit, least in _LEAST_R.items()),
)
NOT_RUN = "not run"


@dataclass(frozen=True)
class Compared:
    """A pair whose media the engine has measured."""

    pair: Pair
    side_by_side: SideBySide
    faces: FacesOfBoth


class PairFailed(Exception):
    """One pair that cannot be compared; the text says why."""


@dataclass(frozen=True)
class Engines:
    """The engine that is held against OpenFace, and how it is asked."""

    engine: Engine
    media_type: MediaType
    is_au_static: bool

    def compare(self, pair: Pair) -> Compared:
        """One pair.

        Raises:
            PairFailed: either table cannot be had.
            EngineUnavailable: the engine cannot run at all.
        """
        try:
            reference = read_table(pair.csv, pair.media)
        except (AnalysisError, OSError) as error:
            raise PairFailed(f"its CSV: {_sentence(error)}") from error
        try:
            measured = self._measure(pair, reference)
        except EngineUnavailable:
            raise
        except AnalysisError as error:
            raise PairFailed(f"the engine: {_sentence(error)}") from error
        found = lay_side_by_side(reference, measured)
        faces = FacesOfBoth(reference.measured(found.rows[:, 0]), measured.measured(found.rows[:, 1]))
        return Compared(pair, found, faces)

    def detect(self, pair: Pair) -> float | None:
        """The share of a medium's frames in which the engine finds a face, 0 or 1 for a picture; None if unread.

        Raises:
            EngineUnavailable: the engine cannot run at all.
        """
        try:
            rows = self._measure(pair, read_table(None, pair.media), is_several=False)
        except EngineUnavailable:
            raise
        except AnalysisError:
            return None
        if pair.media == "image":
            return float(rows.good.any())
        return float(rows.good.mean()) if len(rows.values) else None

    def _measure(self, pair: Pair, reference: Rows, *, is_several: bool | None = None) -> Rows:
        """Measure the medium as it is, by the command that the reference must have come from."""
        if is_several is None:
            is_several = reference.is_multi
        given = {"faces": "many" if is_several else "one"}
        if self.is_au_static:
            given["au"] = "static"
        task = EngineTask.resolve(pair.media, self.media_type, given)
        frames = len(reference.values)
        limits = ChildLimits(_TIME_S + _TIME_PER_FRAME_S * frames, _MEMORY_BYTES, _FILE_BYTES)
        with tempfile.TemporaryDirectory(prefix="fidelity-") as folder:
            room = Path(folder)
            run = run_engine(self.engine, task, _AsItIs(pair.medium), room, limits)
            table = collect_table(task, run, room / "table.csv")
            return read_table(table.path, pair.media)


@dataclass(frozen=True)
class _AsItIs:
    """A file that goes to the engine untouched."""

    path: Path
    frames_expected: int | None = None


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[FOLDER…]")
@click.option(
    "--groups",
    "groups_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file,group: agreement by group, and detection in the media that have no table.",
)
@click.option("--wild", is_flag=True, help="Run the engine with -wild; do so if OpenFace was.")
@click.option("--au-static", is_flag=True, help="Run FeatureExtraction with -au_static; do so if OpenFace was.")
@click.option(
    "--bin-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=REPOSITORY / "openface_lite" / "bin",
    show_default="openface_lite/bin",
    help="Folder of the engine's commands.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(
    folders: tuple[Path, ...],
    groups_file: Path | None,
    wild: bool,
    au_static: bool,
    bin_dir: Path,
    json_file: Path | None,
) -> None:
    """Run an engine on media that have OpenFace's own CSVs beside them, and tell how far apart the two are."""
    console = new_console()
    if not folders:
        _show_not_run(console, json_file)
        return
    try:
        engine = Engine.find(bin_dir)
        pairs, left = find_pairs(folders)
        bare = find_unlabelled(folders) if groups_file else []
        if not pairs and not bare:
            raise click.ClickException(_nothing(left, folders))
        groups = read_groups(groups_file, _names(pairs, left)) if groups_file else None
        facts = machine()
        console.print(machine_line(facts))
        console.print(f"engine: {engine.name} {engine.version or ''}".rstrip(), markup=False)
        engines = Engines(engine, "wild" if wild else "posed", au_static)
        with console.status("starting") as status:
            compared, failed = _compare_all(engines, pairs, status.update)
            shares = {pair.name: engines.detect(pair) for pair in bare if groups and pair.name in groups}
        left += failed
        if not compared and not shares:
            raise click.ClickException(_nothing(left, folders))
    except (BadGroups, EngineUnavailable) as error:
        raise click.ClickException(str(error)) from error
    report = {
        "benchmark": "fidelity",
        "machine": facts,
        "engine": {"name": engine.name, "version": engine.version},
        "options": {"wild": wild, "au_static": au_static},
        **figures(compared, left),
        **_people(compared, engine.au_support),
        "groups": None if groups is None else _grouped(compared, left, groups),
        "detection": None if groups is None else [asdict(each) for each in detection_by_group(shares, groups)],
    }
    show(console, report)
    write_json(json_file, report)


def _show_not_run(console: Console, json_file: Path | None) -> None:
    """The aims alone: no folder of OpenFace's tables was named, so no figure stands beside them."""
    aims = [{"of": aim.of, "what": aim.what, **asdict(aim.bound), "verdict": NOT_RUN} for aim in AIMS]
    console.print("not run: name a folder with media and the CSVs that OpenFace wrote for them")
    for aim in AIMS:
        console.print(f"  {aim.of} {aim.what} {aim.bound}: {NOT_RUN}")
    write_json(json_file, {"benchmark": "fidelity", "machine": machine(), "aims": aims})


def _people(compared: Sequence[Compared], support: Mapping[str, str]) -> dict[str, Any]:
    """The figures of each person in videos, and for which action units they carry the engine's claim."""
    videos = [(each.pair.name, each.faces) for each in compared if each.pair.media == "video"]
    found = by_person(videos)
    return {
        "people": [asdict(each) | {"beats_constants": each.beats_constants} for each in found],
        "claims": [asdict(each) for each in verdicts(found, support)],
    }


def figures(compared: Sequence[Compared], left: Sequence[NotCompared]) -> dict[str, Any]:
    """All figures of some pairs, as JSON has them; each kind of media by itself."""
    agreement = {kind: _agreement([each for each in compared if each.pair.media == KINDS[kind]]) for kind in KINDS}
    return {
        "aims": [_judged(aim, agreement) for aim in AIMS],
        "agreement": agreement,
        "files": [_file(each) for each in compared],
        "not_compared": [asdict(each) for each in left],
    }


def _compare_all(
    engines: Engines, pairs: Sequence[Pair], say: Callable[[str], None]
) -> tuple[list[Compared], list[NotCompared]]:
    """All pairs. Raises EngineUnavailable, which would befall every other file too."""
    compared: list[Compared] = []
    failed: list[NotCompared] = []
    for number, pair in enumerate(pairs, 1):
        say(escape(f"{pair.name}, {number} of {len(pairs)}"))
        try:
            compared.append(engines.compare(pair))
        except PairFailed as error:
            failed.append(NotCompared(pair.name, str(error)))
    return compared, failed


def _names(pairs: Sequence[Pair], left: Sequence[NotCompared]) -> list[str]:
    return [pair.name for pair in pairs] + [each.name for each in left]


def _nothing(left: Sequence[NotCompared], folders: Iterable[Path]) -> str:
    """Why there is no figure at all."""
    if not left:
        return f"no pictures or videos in {', '.join(map(str, folders))}"
    first = "".join(f"\n  {each.name}: {each.why}" for each in left[:5])
    more = f"\n  and {len(left) - 5} more" if len(left) > 5 else ""
    return f"nothing could be compared; the CSV that OpenFace wrote has to be beside its medium{first}{more}"


def _sentence(error: Exception) -> str:
    """An error without the engine's log."""
    return str(error).splitlines()[0]


def _agreement(compared: Sequence[Compared]) -> dict[str, Any]:
    return asdict(agreement([each.side_by_side for each in compared], [each.faces for each in compared]))


def _judged(aim: Aim, found: dict[str, Any]) -> dict[str, Any]:
    judged: dict[str, Any] = {"of": aim.of, "what": aim.what, **asdict(aim.bound)}
    for kind in aim.kinds:
        value, n, unit = _figure(aim, found[kind])
        judged[kind] = {"value": value, "n": n, "verdict": aim.bound.verdict(value)}
        judged["unit"] = unit
    return judged


def _figure(aim: Aim, agreement: dict[str, Any]) -> tuple[float | None, int, str]:
    if aim.what == "r":
        found = next(each for each in agreement["action_units"] if each["unit"] == aim.of)
        return found["r"], found["n"], ""
    found = next(each for each in agreement["errors"] if (each["group"], each["what"]) == (aim.of, aim.what))
    return found["mean"], found["n"], found["unit"]


def _file(each: Compared) -> dict[str, Any]:
    landmarks = errors(each.faces)[0]
    return {
        "file": each.pair.name,
        "media": each.pair.media,
        "paired_by": each.side_by_side.paired_by,
        **frame_counts([each.side_by_side]),
        "landmarks": landmarks.mean,
        "landmarks_n": landmarks.n,
    }


def _grouped(compared: Sequence[Compared], left: Sequence[NotCompared], groups: dict[str, str]) -> list[dict[str, Any]]:
    files = [
        Grouped(
            each.pair.name,
            each.side_by_side.faces_reference,
            len(each.side_by_side.rows),
            each.faces.landmark_error,
        )
        for each in compared
    ]
    return [asdict(figure) for figure in by_group(files, [each.name for each in left], groups)]


if __name__ == "__main__":
    main()
