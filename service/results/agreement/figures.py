"""How far two engines' numbers for the same faces lie apart, column group by column group.

Separate because these are the definitions: what each figure is of, in what unit, and over which rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np
from numpy.typing import NDArray

from service.engine.columns import PRESENCES
from service.results.agreement.side_by_side import MEASURED, OUTER_EYES, Numbers, SideBySide

_PLACE = {name: i for i, name in enumerate(MEASURED)}
_WORST_SHARE = 95
_LEAST_FACES_OF_A_FILE = 10

REGIONS = {
    "all 68": range(68),
    "jaw": range(17),
    "brows": range(17, 27),
    "nose": range(27, 36),
    "eyes": range(36, 48),
    "mouth": range(48, 68),
}
"""Parts of OpenFace's 68 points (the iBUG 300-W scheme)."""
EYE_PARTS = {
    "all 56": range(56),
    "iris": (*range(8), *range(28, 36)),
    "lids": (*range(8, 20), *range(36, 48)),
    "pupil": (*range(20, 28), *range(48, 56)),
}
"""Parts of the 2 x 28 eye landmarks."""
OF_EYES = "% of the outer-eye distance"


@dataclass(frozen=True)
class ErrorFigure:
    """Errors of one kind.

    Attributes:
        mean: of the absolute errors (of points: of the distances); None where nothing was measured.
        bias: mean of engine minus reference; None also where errors have no sign.
        worst: 95 % of the absolute errors are at most this.
        n: faces (a face in a frame is one) in which both have the value.
    """

    group: str
    what: str
    unit: str
    mean: float | None
    bias: float | None
    worst: float | None
    n: int


@dataclass(frozen=True)
class UnitFigure:
    """One action unit.

    Attributes:
        r: Pearson's correlation of the intensities; None below two faces, or where one side does not vary.
        r_by_file: median of the r of each file by itself, of those with at least ten faces.
        r_files: files behind it.
        mae, bias: mean absolute and mean signed difference of the intensities, which go from 0 to 5.
        n: faces in which both have an intensity.
        presence_agreement: share of faces with the same presence.
        presence_f1: of the engine's presences against the reference's; None where neither has any.
        presence_n: faces in which both have a presence.
    """

    unit: str
    r: float | None
    r_by_file: float | None
    r_files: int
    mae: float | None
    bias: float | None
    n: int
    presence_agreement: float | None
    presence_f1: float | None
    presence_n: int


@dataclass(frozen=True)
class Agreement:
    """Every figure of some files of one kind of media; `frames` as `frame_counts` gives them."""

    files: int
    frames: dict[str, int | float | None]
    errors: list[ErrorFigure]
    action_units: list[UnitFigure]


@dataclass(frozen=True)
class FacesOfBoth:
    """Rows of the same faces, (n, columns) each in the order of `MEASURED`."""

    reference: Numbers
    engine: Numbers

    @classmethod
    def joined(cls, parts: Sequence[FacesOfBoth]) -> FacesOfBoth:
        """All of them; none at all is a table without rows."""
        nothing = np.empty((0, len(MEASURED)))
        return cls(
            np.concatenate([nothing, *(part.reference for part in parts)]),
            np.concatenate([nothing, *(part.engine for part in parts)]),
        )

    def columns(self, names: Iterable[str]) -> tuple[Numbers, Numbers]:
        """Some columns of both, (n, names)."""
        places = [_PLACE[name] for name in names]
        return self.reference[:, places], self.engine[:, places]

    def difference(self, name: str) -> Numbers:
        """Engine minus reference, (n,)."""
        ours, theirs = (side[:, 0] for side in self.columns([name]))
        return np.asarray(theirs - ours)

    def distances(self, prefix: str, axes: str, points: Iterable[int]) -> Numbers:
        """The mean distance of some points of each face, (n,)."""
        wanted = list(points)
        sides = [self.columns(f"{prefix}{axis}_{i}" for i in wanted) for axis in axes]
        squares = sum((theirs - ours) ** 2 for ours, theirs in sides)
        return np.asarray(np.sqrt(squares).mean(axis=1))

    @cached_property
    def eyes_apart(self) -> Numbers:
        """The reference's distance of the outer eye corners in pixels, (n,); nan where there is none."""
        (left, right), axes = OUTER_EYES, "xy"
        sides = [self.columns([f"{axis}_{left}", f"{axis}_{right}"])[0] for axis in axes]
        apart = np.hypot(*(side[:, 1] - side[:, 0] for side in sides))
        return np.where(apart > 0, apart, np.nan)

    @property
    def landmark_error(self) -> Numbers:
        """Mean distance of the 68 points of each face in % of the outer-eye distance, (n,)."""
        return np.asarray(self.distances("", "xy", range(68)) / self.eyes_apart * 100)


def agreement(found: Sequence[SideBySide], faces: Sequence[FacesOfBoth]) -> Agreement:
    """Hold two engines' numbers against each other; an entry a file in both sequences."""
    return Agreement(len(found), frame_counts(found), errors(FacesOfBoth.joined(faces)), action_units(faces))


def errors(faces: FacesOfBoth) -> list[ErrorFigure]:
    """Every column group but the action units; the 34 shape modes are OpenFace's own and are left out."""
    eyes = faces.eyes_apart / 100
    found = [
        _of_distances("landmarks", region, OF_EYES, faces.distances("", "xy", points) / eyes)
        for region, points in REGIONS.items()
    ]
    found += [
        _of_distances("eye landmarks", part, OF_EYES, faces.distances("eye_lmk_", "xy", points) / eyes)
        for part, points in EYE_PARTS.items()
    ]
    found.append(_of_distances("landmarks 3D", "all 68", "mm", faces.distances("", "XYZ", range(68))))
    found.append(_of_distances("eye landmarks 3D", "all 56", "mm", faces.distances("eye_lmk_", "XYZ", range(56))))
    for what, name in {"pitch": "pose_Rx", "yaw": "pose_Ry", "roll": "pose_Rz"}.items():
        found.append(_of_differences("head pose", what, "degrees", _degrees(faces.difference(name))))
    for axis in "xyz":
        found.append(_of_differences("head pose", f"T{axis}", "mm", faces.difference(f"pose_T{axis}")))
    for axis in "xy":
        angle = _degrees(faces.difference(f"gaze_angle_{axis}"))
        found.append(_of_differences("gaze", f"angle {axis}", "degrees", angle))
    for eye in (0, 1):
        found.append(_of_distances("gaze", f"vector {eye}", "degrees", _between_gazes(faces, eye)))
    for name in ("p_rx", "p_ry", "p_rz"):
        found.append(_of_differences("shape", name, "degrees", _degrees(faces.difference(name))))
    scale = faces.columns(["p_scale"])[0][:, 0]
    relative = faces.difference("p_scale") / np.where(scale > 0, scale, np.nan) * 100
    found.append(_of_differences("shape", "p_scale", "% of the reference's", relative))
    for name in ("p_tx", "p_ty"):
        found.append(_of_differences("shape", name, OF_EYES, faces.difference(name) / eyes))
    found.append(_of_differences("confidence", "confidence", "0 to 1", faces.difference("confidence")))
    return found


def action_units(files: Sequence[FacesOfBoth]) -> list[UnitFigure]:
    """Every action unit over some files, measured or not; AU28 has no intensity."""
    faces = FacesOfBoth.joined(files)
    return [_unit(faces, files, name.removesuffix("_c")) for name in PRESENCES]


def pearson(a: Numbers, b: Numbers) -> float | None:
    """Pearson's correlation; None below two pairs, or where one side does not vary."""
    if len(a) < 2 or not np.ptp(a) or not np.ptp(b):
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _of_distances(group: str, what: str, unit: str, values: Numbers) -> ErrorFigure:
    known = values[np.isfinite(values)]
    if not len(known):
        return ErrorFigure(group, what, unit, None, None, None, 0)
    worst = float(np.percentile(known, _WORST_SHARE))
    return ErrorFigure(group, what, unit, float(known.mean()), None, worst, len(known))


def _of_differences(group: str, what: str, unit: str, values: Numbers) -> ErrorFigure:
    known = values[np.isfinite(values)]
    size = _of_distances(group, what, unit, np.abs(known))
    bias = float(known.mean()) if len(known) else None
    return ErrorFigure(group, what, unit, size.mean, bias, size.worst, size.n)


def _degrees(radians: Numbers) -> Numbers:
    """The shorter way round."""
    return np.asarray(np.degrees((radians + np.pi) % (2 * np.pi) - np.pi))


def _between_gazes(faces: FacesOfBoth, eye: int) -> Numbers:
    """The angle between the two gaze vectors in degrees, (n,)."""
    ours, theirs = faces.columns(f"gaze_{eye}_{axis}" for axis in "xyz")
    # atan2, since arccos of nearly equal vectors loses half its digits.
    across = np.linalg.norm(np.cross(ours, theirs), axis=1)
    along = (ours * theirs).sum(axis=1)
    return np.where((across == 0) & (along == 0), np.nan, np.degrees(np.arctan2(across, along)))


def _unit(faces: FacesOfBoth, files: Sequence[FacesOfBoth], unit: str) -> UnitFigure:
    ours, theirs = _known(faces, f"{unit}_r")
    difference = _of_differences("intensity", unit, "0 to 5", theirs - ours)
    by_file = [_known(file, f"{unit}_r") for file in files]
    own = [r for a, b in by_file if len(a) >= _LEAST_FACES_OF_A_FILE and (r := pearson(a, b)) is not None]
    present, said = _known(faces, f"{unit}_c")
    return UnitFigure(
        unit=unit,
        r=pearson(ours, theirs),
        r_by_file=median(own) if own else None,
        r_files=len(own),
        mae=difference.mean,
        bias=difference.bias,
        n=difference.n,
        presence_agreement=float((present == said).mean()) if len(present) else None,
        presence_f1=_f1(present == 1, said == 1),
        presence_n=len(present),
    )


def _known(faces: FacesOfBoth, name: str) -> tuple[Numbers, Numbers]:
    """A column of both where both have it; nothing of a column that OpenFace does not have either."""
    if name not in _PLACE:
        return np.empty(0), np.empty(0)
    ours, theirs = (side[:, 0] for side in faces.columns([name]))
    known = np.isfinite(ours) & np.isfinite(theirs)
    return ours[known], theirs[known]


def _f1(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> float | None:
    total = int(truth.sum()) + int(said.sum())
    return 2 * int((truth & said).sum()) / total if total else None


def frame_counts(found: Sequence[SideBySide]) -> dict[str, int | float | None]:
    """Count the compared frames (pictures), those in which both tables have a face, and the faces."""
    names = ("frames", "both", "neither", "reference_alone", "engine_alone")
    left = ("frames_reference_only", "frames_engine_only", "faces_reference", "faces_engine")
    counts: dict[str, int | float | None] = {name: sum(getattr(each, name) for each in found) for name in names}
    frames, agreed = (sum(getattr(each, name) for name in part for each in found) for part in (names[:1], names[1:3]))
    counts["success_agreement"] = agreed / frames if frames else None
    counts |= {name: sum(getattr(each, name) for each in found) for name in left}
    counts["faces_compared"] = sum(len(each.rows) for each in found)
    return counts
