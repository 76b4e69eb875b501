"""Agreement person by person, beside predictors that look at no picture.

Separate because a correlation over everybody hides the person for whom a measure fails, and because a figure means
little until it is better than what a constant reaches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.engine.columns import INTENSITIES
from service.results.agreement.figures import FacesOfBoth, pearson
from service.results.agreement.side_by_side import Numbers

LEAST_FACES = 10
"""A person with fewer compared faces says nothing."""
LEAST_RANGE = 0.5
"""An action unit whose intensity varies less than this in a person's reference has no variance there."""
ANGLES = {
    "pitch": "pose_Rx",
    "yaw": "pose_Ry",
    "roll": "pose_Rz",
    "gaze across": "gaze_angle_x",
    "gaze down": "gaze_angle_y",
}

SHOWN, REFUSED, NOT_SHOWN, NOT_CLAIMED = "shown", "refused", "no person with variance", "not claimed"


@dataclass(frozen=True)
class PersonFigure:
    """One measure of one person; errors are mean absolute errors against the reference.

    Attributes:
        unit: of the errors: degrees, or intensities of 0 to 5.
        error: of the engine.
        zero: of the constant 0.
        mean: of the person's own mean in the reference, which no engine can know.
        head: of the engine's head direction in the place of its gaze; None for anything else.
        r: Pearson's correlation; None where one side does not vary.
        varies: whether the reference varies enough for the measure to be judged.
        n: faces.
    """

    person: str
    what: str
    unit: str
    error: float
    zero: float
    mean: float
    head: float | None
    r: float | None
    varies: bool
    n: int

    @property
    def beats_constants(self) -> bool:
        """Whether the engine is nearer to the reference than zero, the mean and the head alone."""
        return all(self.error < other for other in (self.zero, self.mean, self.head) if other is not None)


@dataclass(frozen=True)
class Verdict:
    """What a supported unit's figures allow to say.

    Attributes:
        claim: the engine's own level of support.
        verdict: `shown`, `refused`, `no person with variance` or, for other levels, `not claimed`.
        why: the persons on whom a constant is as good.
    """

    unit: str
    claim: str
    verdict: str
    why: str


def person_of(file: str) -> str:
    """The person a file shows: its first folder, else the file itself."""
    folder, separator, _ = file.partition("/")
    return folder if separator else file.rpartition(".")[0]


def by_person(files: Iterable[tuple[str, FacesOfBoth]]) -> list[PersonFigure]:
    """The figures of all persons with enough faces: angles in degrees, then action units."""
    parts: dict[str, list[FacesOfBoth]] = defaultdict(list)
    for name, faces in files:
        parts[person_of(name)].append(faces)
    found: list[PersonFigure] = []
    for person in sorted(parts):
        faces = FacesOfBoth.joined(parts[person])
        found += [each for what, column in ANGLES.items() if (each := _angle(person, what, column, faces))]
        found += [each for name in INTENSITIES if (each := _intensity(person, name, faces))]
    return found


def verdicts(figures: Sequence[PersonFigure], support: Mapping[str, str]) -> list[Verdict]:
    """For every action unit with an intensity whether its figures carry the engine's claim."""
    return [_verdict(name[:4], support.get(name, "supported"), figures) for name in INTENSITIES]


def _verdict(unit: str, claim: str, figures: Sequence[PersonFigure]) -> Verdict:
    if claim != "supported":
        return Verdict(unit, claim, NOT_CLAIMED, "")
    judged = [each for each in figures if each.what == unit and each.varies]
    worse = [each.person for each in judged if not each.beats_constants]
    if worse:
        return Verdict(unit, claim, REFUSED, f"a constant is as near on {', '.join(worse)}")
    return Verdict(unit, claim, SHOWN if judged else NOT_SHOWN, "")


def _angle(person: str, what: str, column: str, faces: FacesOfBoth) -> PersonFigure | None:
    reference, engine = (np.degrees(side[:, 0]) for side in faces.columns([column]))
    head = np.degrees(_head_direction(faces, column)) if column.startswith("gaze") else None
    return _figure(person, what, "degrees", reference, engine, head, least_range=0.0)


def _intensity(person: str, name: str, faces: FacesOfBoth) -> PersonFigure | None:
    reference, engine = (side[:, 0] for side in faces.columns([name]))
    return _figure(person, name[:4], "of 5", reference, engine, None, least_range=LEAST_RANGE)


def _figure(
    person: str, what: str, unit: str, reference: Numbers, engine: Numbers, head: Numbers | None, *, least_range: float
) -> PersonFigure | None:
    known = np.isfinite(reference) & np.isfinite(engine)
    if int(known.sum()) < LEAST_FACES:
        return None
    truth, said = reference[known], engine[known]
    return PersonFigure(
        person=person,
        what=what,
        unit=unit,
        error=_mean_error(said, truth),
        zero=_mean_error(np.zeros(len(truth)), truth),
        mean=_mean_error(np.full(len(truth), truth.mean()), truth),
        head=None if head is None or not np.isfinite(head[known]).all() else _mean_error(head[known], truth),
        r=pearson(truth, said),
        varies=bool(np.ptp(truth) >= least_range),
        n=len(truth),
    )


def _mean_error(said: Numbers, truth: Numbers) -> float:
    return float(np.abs(said - truth).mean())


def _head_direction(faces: FacesOfBoth, column: str) -> Numbers:
    """The direction of the engine's head as a gaze angle in radians: across or down."""
    _, angles = faces.columns(["pose_Rx", "pose_Ry", "pose_Rz"])
    pitch, yaw, _ = angles.T
    # The face's axis towards the camera, -z, turned by R = Rx Ry Rz, which leaves roll without effect.
    x, y, z = -np.sin(yaw), np.sin(pitch) * np.cos(yaw), -np.cos(pitch) * np.cos(yaw)
    across = column.endswith("_x")
    return np.asarray(np.arctan2(x if across else y, -z), dtype=np.float64)
