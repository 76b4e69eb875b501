"""Compare a result with desired action units: which lie outside their tolerance, and by how much."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from service.results.compare.measured import FaceMeasurements
from service.results.compare.parameters import Desired, Parameters

SCHEMA = 1
ROUNDING = 1e-9
"""Tolerance for binary rounding: a value on the border is inside."""
FEW = 0.5
"""Share of good rows below which the verdict comes with a warning; chosen here."""

Status = Literal["inside", "outside", "not measured"]
Verdict = Literal["pass", "fail", "incomplete"]


@dataclass(frozen=True)
class UnitComparison:
    """One action unit.

    Attributes:
        column: such as `AU12_r`.
        measured, deviation: None where not measured, which is neither inside nor 0.
        deviation: measured less desired, in steps of intensity (0 to 5), or share of frames for presences.
        outside_by: distance beyond the tolerance; 0 inside it.
        support: how well the engine measures this action unit, as it states.
    """

    column: str
    desired: float
    tolerance: float
    measured: float | None
    deviation: float | None
    outside_by: float | None
    status: Status
    support: str | None


@dataclass(frozen=True)
class Comparison:
    """The comparison of a result with parameters.

    Attributes:
        verdict: `pass` where all lie inside, `fail` where any lies outside, else `incomplete`: some were not measured.
        warnings: reasons to doubt the verdict.
    """

    parameters: Parameters
    result: FaceMeasurements
    action_units: tuple[UnitComparison, ...]
    verdict: Verdict
    warnings: tuple[str, ...]

    def of(self, status: Status) -> list[UnitComparison]:
        """The action units of this status."""
        return [unit for unit in self.action_units if unit.status == status]

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        outside, missing = len(self.of("outside")), len(self.of("not measured"))
        lacking = f"; {missing} not measured" if missing else ""
        if self.verdict == "fail":
            return f"{outside} of {len(self.action_units)} action units lie outside the tolerance{lacking}"
        if self.verdict == "pass":
            return f"all {len(self.action_units)} action units lie inside the tolerance"
        return f"{missing} of {len(self.action_units)} action units were not measured; none of the others lies outside"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        about = self.result.about
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "warnings": list(self.warnings),
            "statistic": self.parameters.statistic,
            "result": {
                "media": about.media,
                "kind": self.result.media,
                "job_id": about.job_id,
                "csv_sha256": about.csv_sha256,
                "engine": about.engine,
                "licence_class": about.licence_class,
                "faces": self.result.faces,
                "face": self.result.face,
                "rows": self.result.rows,
                "rows_used": self.result.rows_used,
                "gate": {"success": self.result.gate.success, "confidence": self.result.gate.confidence},
            },
            "made_from": self.parameters.made_from.model_dump() if self.parameters.made_from else None,
            "action_units": [asdict(unit) for unit in self.action_units],
        }


def compare(parameters: Parameters, result: FaceMeasurements) -> Comparison:
    """Compare a result with parameters."""
    units = tuple(_compared(name, desired, parameters, result) for name, desired in parameters.action_units.items())
    return Comparison(parameters, result, units, _verdict(units), tuple(_warnings(parameters, result, units)))


def _compared(column: str, desired: Desired, parameters: Parameters, result: FaceMeasurements) -> UnitComparison:
    value = result.value(column, parameters.statistic)
    support = (result.about.support or {}).get(column)
    if value is None:
        return UnitComparison(column, desired.desired, desired.tolerance, None, None, None, "not measured", support)
    deviation = value - desired.desired
    beyond = abs(deviation) - desired.tolerance
    outside = beyond > ROUNDING
    return UnitComparison(
        column=column,
        desired=desired.desired,
        tolerance=desired.tolerance,
        measured=round(value, 4),
        deviation=round(deviation, 4),
        outside_by=round(beyond, 4) if outside else 0.0,
        status="outside" if outside else "inside",
        support=support,
    )


def _verdict(units: tuple[UnitComparison, ...]) -> Verdict:
    found = {unit.status for unit in units}
    if "outside" in found:
        return "fail"
    return "incomplete" if "not measured" in found else "pass"


def _warnings(parameters: Parameters, result: FaceMeasurements, units: tuple[UnitComparison, ...]) -> list[str]:
    about, reference = result.about, parameters.made_from
    warnings = []
    if about.partial:
        warnings.append(f"the result is partial: {about.partial}")
    if not result.faces:
        warnings.append("no face was found")
    elif result.faces > 1 and not result.chosen:
        which = "the biggest" if result.media == "image" else "the one in most frames"
        warnings.append(f"there are {result.faces} faces: compared is face {result.face}, {which}")
    if result.faces and result.rows_used < FEW * result.rows:
        warnings.append(f"only {result.rows_used} of {result.rows} rows passed the quality gate")
    if reference and reference.engine and about.engine and reference.engine != about.engine:
        warnings.append(f"the reference was measured by {reference.engine}, this by {about.engine}: values can differ")
    if reference and reference.au and about.au and reference.au != about.au:
        warnings.append(
            f"intensities of the reference are {reference.au}, these are {about.au}: a dynamic one is calibrated over "
            "its clip, so they are not on one scale; analyse the video with au=static to compare it with a picture"
        )
    weak = [unit.column for unit in units if unit.support == "weak"]
    if weak:
        warnings.append(f"the engine measures {', '.join(weak)} only weakly, as it states")
    return warnings
