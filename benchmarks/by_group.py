"""Detection and landmark agreement by group, where the user says which file belongs to which.

Separate because the labels, skin tones for instance, are the user's: nothing here guesses them from pictures.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.results.agreement.side_by_side import Numbers

NO_GROUP = "(no group)"
_HEADER = ("file", "group")
_Z_95 = 1.959963984540054


class BadGroups(Exception):
    """A file of groups that cannot be used; the text says why."""


@dataclass(frozen=True)
class Grouped:
    """What counts of one compared file.

    Attributes:
        faces: of the reference in compared frames; a face in a frame is one.
        found: of these, in how many the engine has the face.
        landmark_error: of the found ones, in % of the outer-eye distance; nan where it was not measured.
    """

    name: str
    faces: int
    found: int
    landmark_error: Numbers


@dataclass(frozen=True)
class GroupFigure:
    """One group. Every file counts once, since the frames of one video depend on one another.

    Attributes:
        files: compared files in which the reference has a face.
        files_without: compared files in which it has none; they say nothing here.
        files_not_compared: files of the group that have no table, or failed.
        detection_rate: mean over `files` of the share of the reference's faces that was found.
        low, high: Wilson's 95 % interval of it.
        landmark_error: mean over `landmark_files` of each one's mean.
    """

    group: str
    files: int
    files_without: int
    files_not_compared: int
    faces: int
    found: int
    detection_rate: float | None
    low: float | None
    high: float | None
    landmark_error: float | None
    landmark_files: int


def read_groups(file: Path, names: Iterable[str]) -> dict[str, str]:
    """The group by name of media, from a CSV with the header `file,group`.

    Args:
        names: the media that there are, as paths relative to the folders; a label may give only the end of one.

    Raises:
        BadGroups: not such a CSV, or a file in it that is not there, is there twice, or has two groups.
    """
    known = list(names)
    groups: dict[str, str] = {}
    for line, (label, group) in _labels(file):
        fitting = [name for name in known if name == label] or [name for name in known if name.endswith(f"/{label}")]
        if len(fitting) != 1:
            why = f"fits {', '.join(fitting)}" if fitting else "is in none of the folders"
            raise BadGroups(f"{file}, line {line}: {label!r} {why}")
        if groups.setdefault(fitting[0], group) != group:
            raise BadGroups(f"{file}, line {line}: {label!r} has two groups")
    return groups


@dataclass(frozen=True)
class DetectionFigure:
    """Detection in the media of a group that have no table: each is taken to show a face all the time.

    Attributes:
        files: media that the engine could read.
        unread: media that it could not.
        detection_rate: mean over `files` of the share of frames (pictures) with a face; None without files.
        low, high: Wilson's 95 % interval of it.
    """

    group: str
    files: int
    unread: int
    detection_rate: float | None
    low: float | None
    high: float | None


def detection_by_group(shares: Mapping[str, float | None], groups: Mapping[str, str]) -> list[DetectionFigure]:
    """The figures of each labelled group, in the order of their names.

    Args:
        shares: by file the share of its frames with a face; None where it could not be read.
    """
    members: dict[str, list[float | None]] = defaultdict(list)
    for name, share in shares.items():
        if name in groups:
            members[groups[name]].append(share)
    return [_detection(group, members[group]) for group in sorted(members)]


def _detection(group: str, shares: Sequence[float | None]) -> DetectionFigure:
    known = [share for share in shares if share is not None]
    rate = sum(known) / len(known) if known else None
    low, high = (None, None) if rate is None else wilson(rate, len(known))
    return DetectionFigure(group, len(known), len(shares) - len(known), rate, low, high)


def by_group(files: Sequence[Grouped], not_compared: Iterable[str], groups: Mapping[str, str]) -> list[GroupFigure]:
    """The figures of each group, in the order of their names; files without one come last."""
    members: dict[str, list[Grouped]] = defaultdict(list)
    for file in files:
        members[groups.get(file.name, NO_GROUP)].append(file)
    left: dict[str, int] = defaultdict(int)
    for name in not_compared:
        left[groups.get(name, NO_GROUP)] += 1
    order = sorted({*members, *left}, key=lambda group: (group == NO_GROUP, group))
    return [_figure(group, members[group], left[group]) for group in order]


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (0 to 1) seen in n > 0 trials (Wilson 1927, J. Am. Stat. Assoc. 22)."""
    z2 = _Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _labels(file: Path) -> list[tuple[int, tuple[str, str]]]:
    """Line number, file and group of each line."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, skipinitialspace=True)
            if not set(_HEADER) <= set(reader.fieldnames or ()):
                raise BadGroups(f"{file}: its first line must name the columns {','.join(_HEADER)}")
            found = [(reader.line_num, [(row[name] or "").strip() for name in _HEADER]) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadGroups(f"{file} cannot be read: {error}") from error
    for line, cells in found:
        if not all(cells):
            raise BadGroups(f"{file}, line {line}: both a file and its group are needed")
    return [(line, (label.replace("\\", "/").removeprefix("./"), group)) for line, (label, group) in found]


def _figure(group: str, files: Sequence[Grouped], left: int) -> GroupFigure:
    counted = [file for file in files if file.faces]
    rate = sum(file.found / file.faces for file in counted) / len(counted) if counted else None
    low, high = (None, None) if rate is None else wilson(rate, len(counted))
    means = [float(known.mean()) for file in counted if len(known := _finite(file.landmark_error))]
    return GroupFigure(
        group=group,
        files=len(counted),
        files_without=len(files) - len(counted),
        files_not_compared=left,
        faces=sum(file.faces for file in counted),
        found=sum(file.found for file in counted),
        detection_rate=rate,
        low=low,
        high=high,
        landmark_error=sum(means) / len(means) if means else None,
        landmark_files=len(means),
    )


def _finite(values: Numbers) -> Numbers:
    return np.asarray(values[np.isfinite(values)])
