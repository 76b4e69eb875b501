"""Find media with tables of OpenFace beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.jobs.media_files import find_media
from service.jobs.media_kind import Media

_CROPS = "_aligned"


@dataclass(frozen=True)
class Pair:
    """A medium with its reference.

    Attributes:
        csv: None where OpenFace left its details file alone: it looked, and saw no face.
    """

    name: str
    medium: Path
    media: Media
    csv: Path | None


@dataclass(frozen=True)
class NotCompared:
    """A file that tells nothing about agreement, and why."""

    name: str
    why: str


def find_pairs(folders: Sequence[Path]) -> tuple[list[Pair], list[NotCompared]]:
    """All media of the folders (recursively) that have a table of the same stem beside them, and the rest.

    The face crops that OpenFace writes into `…_aligned` folders are passed over.
    """
    media = [file for file in find_media(folders).files if file.media and not file.path.parent.name.endswith(_CROPS)]
    by_stem: dict[Path, list[str]] = defaultdict(list)
    for file in media:
        by_stem[file.path.with_suffix("")].append(file.path.name)
    pairs: list[Pair] = []
    left: list[NotCompared] = []
    for file in media:
        why_not = _why_not(file.path, by_stem[file.path.with_suffix("")])
        csv = file.path.with_suffix(".csv")
        if why_not:
            left.append(NotCompared(file.name, why_not))
        elif file.media and file.media != "sequence":
            pairs.append(Pair(file.name, file.path, file.media, csv if csv.is_file() else None))
    return pairs, left


def find_unlabelled(folders: Sequence[Path]) -> list[Pair]:
    """Media of the folders without a table or details file of OpenFace beside them: only detection can be counted."""
    media = [file for file in find_media(folders).files if file.media and not file.path.parent.name.endswith(_CROPS)]
    bare = [file for file in media if not file.path.with_suffix(".csv").is_file() and not _details(file.path)]
    return [Pair(file.name, file.path, file.media, None) for file in bare if file.media and file.media != "sequence"]


def _why_not(medium: Path, of_one_stem: list[str]) -> str | None:
    """Why a medium has no table of its own; None if it has."""
    csv, details = medium.with_suffix(".csv"), _details(medium)
    if not csv.is_file() and (not details or "\nOutput csv" in details):
        return f"no {csv.name} beside it"
    if len(of_one_stem) == 1:
        return None
    # OpenFace draws a copy of its input with the same stem, and writes what its input was.
    of = details.partition("\n")[0].removeprefix("Input:").replace("\\", "/").rpartition("/")[2].strip()
    if of not in of_one_stem:
        return f"{' and '.join(sorted(of_one_stem))} have one {csv.name} between them"
    return None if of == medium.name else f"{csv.name} is of {of}"


def _details(medium: Path) -> str:
    """What OpenFace wrote about its run: the input first, and with the first observation the line `Output csv`."""
    details = medium.with_name(f"{medium.stem}_of_details.txt")
    return details.read_text("utf-8", "replace") if details.is_file() else ""
