"""The verdict: which action units lie outside of what is desired, and by how much. Pure: values in, values out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from service.results.compare.measured import Measured
from service.results.compare.parameters import Desired, Parameters

SCHEMA = 1
ROUNDING = 1e-9
"""Values have few decimals; what lies on the border but for the noise of binary numbers is inside."""
FEW = 0.5
"""Share of good rows below which the verdict comes with a warning; ours."""

Status = Literal["inside", "outside", "not measured"]
Verdict = Literal["pass", "fail", "incomplete"]


@dataclass(frozen=True)
class Compared:
    """One action unit.

    Attributes:
        column: such as `AU12_r`.
        measured, deviation: None where it was not measured, which is neither inside nor a 0.
        deviation: measured less desired, in steps of intensity (0 to 5), or share of frames for presences.
        outside_by: how far beyond the tolerance; 0 inside of it.
        support: how well the engine measures this action unit, as it says itself.
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
    """A result held against parameters.

    Attributes:
        verdict: `pass` where all lie inside, `fail` where any lies outside, else `incomplete`: some were not measured.
        warnings: what keeps the verdict from meaning what it seems to.
    """

    parameters: Parameters
    result: Measured
    action_units: tuple[Compared, ...]
    verdict: Verdict
    warnings: tuple[str, ...]

    def of(self, status: Status) -> list[Compared]:
        """The action units of this status."""
        return [unit for unit in self.action_units if unit.status == status]

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        outside, missing = len(self.of("outside")), len(self.of("not measured"))
        lacking = f"; {missing} not measured" if missing else ""
        if self.verdict == "fail":
            return f"{outside} of {len(self.action_units)} action units lie outside of the tolerance{lacking}"
        if self.verdict == "pass":
            return f"all {len(self.action_units)} action units lie inside of the tolerance"
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


def compare(parameters: Parameters, result: Measured) -> Comparison:
    """Hold a result against parameters."""
    units = tuple(_compared(name, desired, parameters, result) for name, desired in parameters.action_units.items())
    return Comparison(parameters, result, units, _verdict(units), tuple(_warnings(parameters, result, units)))


def _compared(column: str, desired: Desired, parameters: Parameters, result: Measured) -> Compared:
    value = result.value(column, parameters.statistic)
    support = (result.about.support or {}).get(column)
    if value is None:
        return Compared(column, desired.desired, desired.tolerance, None, None, None, "not measured", support)
    deviation = value - desired.desired
    beyond = abs(deviation) - desired.tolerance
    outside = beyond > ROUNDING
    return Compared(
        column=column,
        desired=desired.desired,
        tolerance=desired.tolerance,
        measured=round(value, 4),
        deviation=round(deviation, 4),
        outside_by=round(beyond, 4) if outside else 0.0,
        status="outside" if outside else "inside",
        support=support,
    )


def _verdict(units: tuple[Compared, ...]) -> Verdict:
    found = {unit.status for unit in units}
    if "outside" in found:
        return "fail"
    return "incomplete" if "not measured" in found else "pass"


def _warnings(parameters: Parameters, result: Measured, units: tuple[Compared, ...]) -> list[str]:
    about, reference = result.about, parameters.made_from
    told = []
    if about.partial:
        told.append(f"the result is partial: {about.partial}")
    if not result.faces:
        told.append("no face was found")
    elif result.faces > 1 and not result.chosen:
        which = "the biggest" if result.media == "image" else "the one in most frames"
        told.append(f"there are {result.faces} faces: compared is face {result.face}, {which}")
    if result.faces and result.rows_used < FEW * result.rows:
        told.append(f"only {result.rows_used} of {result.rows} rows passed the quality gate")
    if reference and reference.engine and about.engine and reference.engine != about.engine:
        told.append(f"the reference was measured by {reference.engine}, this by {about.engine}: values can differ")
    if reference and reference.au and about.au and reference.au != about.au:
        told.append(
            f"intensities of the reference are {reference.au}, these are {about.au}: a dynamic one is calibrated over "
            "its clip, so they are not on one scale; analyse the video with au=static to compare it with a picture"
        )
    weak = [unit.column for unit in units if unit.support == "weak"]
    if weak:
        told.append(f"the engine measures {', '.join(weak)} only weakly, as it says itself")
    return told
