"""Statistics of a table, computed block by block, so that it is read once, whatever its length."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.engine.columns import INTENSITIES, PRESENCES
from service.engine.table import Intensity, Measures

ANGLES = {"pitch": "pose_Rx", "yaw": "pose_Ry", "roll": "pose_Rz"}
SUMMARISED = ("confidence", *ANGLES.values(), *INTENSITIES, *PRESENCES)


class RunningMeasures:
    """Sums over the columns of the summary; rows of failed frames are left out."""

    def __init__(self, columns: Sequence[str]) -> None:
        place = {name: i for i, name in enumerate(columns)}
        self._columns = [place[name] for name in SUMMARISED]
        self._success = place.get("success")
        n = len(SUMMARISED)
        self._rows = 0
        self._any_value = np.zeros(n, dtype=bool)
        self._count = np.zeros(n)
        self._sum = np.zeros(n)
        self._squares = np.zeros(n)
        self._max = np.full(n, -np.inf)

    def add(self, values: NDArray[np.float64]) -> None:
        """Add rows (float64, rows by columns; nan where nothing finite was written)."""
        selected = values[:, self._columns]
        self._rows += len(selected)
        self._any_value |= np.isfinite(selected).any(axis=0)
        if self._success is not None:
            selected = selected[values[:, self._success] == 1]
        finite = np.isfinite(selected)
        numbers = np.where(finite, selected, 0.0)
        self._count += finite.sum(axis=0)
        self._sum += numbers.sum(axis=0)
        self._squares += (numbers * numbers).sum(axis=0)
        if len(selected):
            self._max = np.maximum(self._max, np.where(finite, selected, -np.inf).max(axis=0))

    def result(self) -> Measures:
        """Return the statistics of the rows added so far."""
        means = {name: float(self._sum[i] / self._count[i]) for i, name in enumerate(SUMMARISED) if self._count[i]}
        return Measures(
            confidence_mean=means.get("confidence"),
            head_pose_deg={angle: math.degrees(means[name]) for angle, name in ANGLES.items() if name in means},
            intensities={name: self._intensity(name, means[name]) for name in INTENSITIES if name in means},
            presence={name: means[name] for name in PRESENCES if name in means},
            not_measured=tuple(name for name in self._empty() if name in INTENSITIES + PRESENCES),
        )

    def _intensity(self, name: str, mean: float) -> Intensity:
        i = SUMMARISED.index(name)
        variance = float(self._squares[i] / self._count[i]) - mean * mean
        return Intensity(mean=mean, sd=math.sqrt(max(variance, 0.0)), max=float(self._max[i]))

    def _empty(self) -> list[str]:
        if not self._rows:
            return []
        return [name for i, name in enumerate(SUMMARISED) if not self._any_value[i]]
