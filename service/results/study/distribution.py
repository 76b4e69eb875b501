"""Gather the numbers of a study file by file, so that memory does not grow with the files."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from service.results.annotations import Annotations
from service.results.frame_times import LASTS, with_durations
from service.results.manifest_reader import ManifestReader
from service.results.quality_gate import gate, passes
from service.results.study.overview import StudyQuality, UnitOfStudy
from service.results.summary import action_units

STEPS = 50
"""Steps of intensity from 0 to 5."""
EDGES = np.linspace(0, 5, STEPS + 1)
GAP_S = 0.5
"""Shortest stretch without a face that counts as a gap: longer than a blink or a turn of the head takes the face."""
DIGITS = 4

Numbers = NDArray[np.float64]


@dataclass
class _Unit:
    bars: NDArray[np.int64] = field(default_factory=lambda: np.zeros(STEPS, dtype=np.int64))
    means: list[float] = field(default_factory=list)


@dataclass
class Distribution:
    """The numbers of all files so far."""

    videos: int = 0
    pictures: int = 0
    frames: int = 0
    frames_with_face: int = 0
    frames_used: int = 0
    pictures_with_face: int = 0
    gaps: int = 0
    gaps_s: float = 0.0
    partial: int = 0
    _confidence: float = 0.0
    _confident_rows: int = 0
    _units: dict[str, _Unit] = field(default_factory=dict)

    def add(self, table: pd.DataFrame, facts: ManifestReader, annotations: Annotations) -> None:
        """Add a result.

        Args:
            table: as `report.table_reader.read` gives it.
        """
        used = passes(table, gate(excluded=annotations.spans))
        self.partial += facts.verdict == "partial"
        if facts.media == "video":
            self._add_video(table, used, facts)
        else:
            self.pictures += 1
            self.pictures_with_face += bool(len(table))
        seen = table["confidence"][table["success"] == 1] if "success" in table else table["confidence"]
        seen = seen[np.isfinite(seen)]
        self._confidence += float(seen.sum())
        self._confident_rows += len(seen)
        for unit in action_units(list(table.columns)):
            if f"{unit}_r" in table:
                self._add_unit(unit, table.loc[used, f"{unit}_r"].to_numpy(dtype=np.float64))

    def quality(self) -> StudyQuality:
        """Return the quality of all files together."""
        rows = self._confident_rows
        return StudyQuality(
            videos=self.videos,
            pictures=self.pictures,
            frames=self.frames,
            frames_with_face=self.frames_with_face,
            frames_used=self.frames_used,
            pictures_with_face=self.pictures_with_face,
            confidence=round(self._confidence / rows, DIGITS) if rows else None,
            gaps=self.gaps,
            gaps_s=round(self.gaps_s, 2),
            partial=self.partial,
        )

    def units(self) -> list[UnitOfStudy]:
        """Return the action units that were measured in any file, by name."""
        return [_summary(name, unit) for name, unit in sorted(self._units.items()) if unit.means]

    def _add_video(self, table: pd.DataFrame, used: NDArray[np.bool_], facts: ManifestReader) -> None:
        self.videos += 1
        written = table["frame"].nunique()
        self.frames += int(facts.frame_count("expected") or written)
        self.frames_with_face += int(table.loc[table["success"] == 1, "frame"].nunique())
        self.frames_used += int(table.loc[used, "frame"].nunique())
        # Excluded stretches are no gaps of the recording.
        found = gaps(table, passes(table, gate()), facts) if facts.has_times else []
        self.gaps += len(found)
        self.gaps_s += sum(found)

    def _add_unit(self, name: str, values: Numbers) -> None:
        known = values[np.isfinite(values)]
        if not len(known):
            return
        unit = self._units.setdefault(name, _Unit())
        unit.bars += np.histogram(np.clip(known, 0, 5), EDGES)[0]
        unit.means.append(float(known.mean()))


def gaps(table: pd.DataFrame, good: NDArray[np.bool_], facts: ManifestReader) -> list[float]:
    """Return the lengths in seconds of the stretches of a video without a good row, `GAP_S` and longer."""
    if not len(table):
        return []
    timed = with_durations(table, facts)
    times, lasts = timed["timestamp"].to_numpy(dtype=np.float64), timed[LASTS].to_numpy(dtype=np.float64)
    begin, end = float(times.min()), float((times + lasts).max())
    starts, first = np.unique(times[good], return_index=True)
    ends = starts + lasts[good][first]
    between = np.append(starts, end) - np.insert(ends, 0, begin)
    return [round(float(length), 3) for length in between if length >= GAP_S]


def _summary(name: str, unit: _Unit) -> UnitOfStudy:
    means = np.array(unit.means)
    low, p25, p50, p75, high = np.percentile(means, [0, 25, 50, 75, 100])
    return UnitOfStudy(
        unit=name,
        files=len(means),
        mean=round(float(means.mean()), DIGITS),
        sd=round(float(means.std()), DIGITS),
        min=round(float(low), DIGITS),
        p25=round(float(p25), DIGITS),
        p50=round(float(p50), DIGITS),
        p75=round(float(p75), DIGITS),
        max=round(float(high), DIGITS),
        rows=int(unit.bars.sum()),
        bars=unit.bars.tolist(),
        means=np.histogram(np.clip(means, 0, 5), EDGES)[0].tolist(),
    )
