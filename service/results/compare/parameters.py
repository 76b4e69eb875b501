"""Desired action units, each with an allowed deviation: the file that a result is compared with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from service.engine.columns import INTENSITIES, PRESENCES
from service.errors import BadRequest
from service.results.compare.measured import FaceMeasurements

TOLERANCE = 0.5
"""Half a step of the scale from A to E that people code intensities in (FACS); chosen here, replace it by yours."""

STATISTIC = re.compile(r"mean|median|p(100|[0-9]{1,2})")

Finite = Annotated[float, Field(allow_inf_nan=False)]


class BadParameters(BadRequest):
    """The parameters cannot be used."""

    code = "bad_parameters"


class Desired(BaseModel):
    """One action unit: intensities from 0 to 5, presences as the share of frames from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    desired: Annotated[Finite, Field(ge=0, le=5)]
    tolerance: Annotated[Finite, Field(ge=0, le=5)] = TOLERANCE


class ReferenceInfo(BaseModel):
    """The result behind parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    media: str
    job_id: str | None
    csv_sha256: str
    engine: str | None
    au: str | None = None
    rows_used: int


class Parameters(BaseModel):
    """A set of desired action units.

    Attributes:
        statistic: of a video, over its good rows: `mean`, `median`, or a percentile such as `p95`.
        action_units: by column, such as `AU12_r` (intensity) or `AU28_c` (presence).
        not_measured: columns that the reference does not have; for readers, not compared.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    statistic: str = Field("mean", pattern=f"^({STATISTIC.pattern})$")
    made_from: ReferenceInfo | None = None
    action_units: dict[str, Desired] = Field(min_length=1)
    not_measured: tuple[str, ...] = ()

    @field_validator("action_units")
    @classmethod
    def _known(cls, units: dict[str, Desired]) -> dict[str, Desired]:
        unknown = sorted(set(units) - {*INTENSITIES, *PRESENCES})
        if unknown:
            raise ValueError(f"no column of an action unit: {', '.join(unknown[:5])}; AU12_r is one")
        return units

    @classmethod
    def load(cls, file: Path) -> Parameters:
        """Read a parameters file. Raises BadParameters."""
        try:
            return cls.model_validate_json(file.read_bytes())
        except OSError as error:
            raise BadParameters(f"{file} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors()]
            raise BadParameters(f"{file}: {'; '.join(faults[:5])}") from error

    @classmethod
    def from_reference(cls, reference: FaceMeasurements, statistic: str, tolerance: float) -> Parameters:
        """Make parameters whose desired values are the intensities measured in the reference.

        Raises:
            BadParameters: none was measured.
        """
        values = {name: reference.value(name, statistic) for name in INTENSITIES}
        units = {
            name: Desired(desired=round(min(max(value, 0.0), 5.0), 4), tolerance=tolerance)
            for name, value in values.items()
            if value is not None
        }
        if not units:
            raise BadParameters(f"{reference.about.media} has no action unit that was measured in a good row")
        about = reference.about
        return cls(
            statistic=statistic,
            made_from=ReferenceInfo(
                media=about.media,
                job_id=about.job_id,
                csv_sha256=about.csv_sha256,
                engine=about.engine,
                au=about.au,
                rows_used=reference.rows_used,
            ),
            action_units=units,
            not_measured=tuple(name for name, value in values.items() if value is None),
        )

    def as_json(self) -> str:
        """Format the parameters file."""
        return self.model_dump_json(indent=2) + "\n"
