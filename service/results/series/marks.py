"""Marks on a series' time axis: blinks, events of action units, gaps, and rows below the quality gate.

By the rules of the summary, of which they are the places; excluded stretches are not left out, since they change while
a page is open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine.columns import INTENSITIES, PRESENCES
from service.results.events import BLINK, INTENSITY, PRESENCE, ROUNDED_S, event_runs
from service.results.frame_times import durations
from service.results.manifest_reader import ManifestReader
from service.results.quality_gate import CONFIDENCE
from service.results.series.layout import VALUES, FaceRows, Values
from service.results.summary_model import EventRule

Spans = NDArray[np.float64]
"""Begin and end in seconds, shape (n, 2), in order of time."""

MILLISECONDS = 3
BLINKS = "AU45_r"


@dataclass(frozen=True)
class Marks:
    """The marks of one face.

    Attributes:
        closures: of the eyes, longer than a blink.
        gaps: in which the face has no rows.
        below_gate: stretches of rows that statistics do not use.
        rows_below_gate: their number.
        events: by column of an action unit.
    """

    blinks: Spans
    closures: Spans
    gaps: Spans
    below_gate: Spans
    rows_below_gate: int
    events: Mapping[str, Spans]

    @classmethod
    def of(cls, values: Values, face: FaceRows, facts: ManifestReader) -> Marks:
        """Find the marks of one face.

        Args:
            values: of all faces, since frames follow one another in the video and not in one face.
        """
        numbers = values.astype(np.float64)
        lasts = durations(_column(numbers, "frame"), _column(numbers, "timestamp"), facts)
        place = slice(face.first, face.first + face.rows)
        return _of_face(numbers[place], lasts[place], facts.every)

    def drawn(self, from_s: float, to_s: float, points: int) -> dict[str, Any]:
        """Return the spans of a stretch of time; those nearer to one another than a point of the drawing are one."""
        least = max(0.0, to_s - from_s) / points

        def shown(spans: Spans) -> list[list[float]]:
            return _merged(spans[(spans[:, 1] >= from_s) & (spans[:, 0] <= to_s)], least)

        return {
            "blinks": shown(self.blinks),
            "closures": shown(self.closures),
            "gaps": shown(self.gaps),
            "below_gate": shown(self.below_gate),
            "events": {name: found for name, spans in self.events.items() if (found := shown(spans))},
            "counts": {
                "blinks": len(self.blinks),
                "closures": len(self.closures),
                "gaps": len(self.gaps),
                "rows_below_gate": self.rows_below_gate,
            },
        }


def _of_face(numbers: NDArray[np.float64], lasts: NDArray[np.float64], every: int) -> Marks:
    times = _column(numbers, "timestamp")
    used = (_column(numbers, "success") == 1) & (_column(numbers, "confidence") >= CONFIDENCE)

    used_times, used_lasts = times[used], lasts[used]

    def found(column: str, rule: EventRule) -> Spans:
        runs = event_runs(used_times, _column(numbers, column)[used], used_lasts, rule)
        first, end = np.array(runs, np.int64).reshape(-1, 2).T
        return np.column_stack([used_times[first], used_times[end - 1] + used_lasts[end - 1]]).round(MILLISECONDS)

    closures = found(BLINKS, BLINK)
    is_blink = closures[:, 1] - closures[:, 0] <= (BLINK.longest_s or math.inf)
    rules = {**dict.fromkeys(INTENSITIES, INTENSITY), **dict.fromkeys(PRESENCES, PRESENCE)}
    return Marks(
        blinks=closures[is_blink],
        closures=closures[~is_blink],
        gaps=_gaps(times, lasts, _column(numbers, "frame"), every),
        below_gate=_runs(~used, times, lasts),
        rows_below_gate=int((~used).sum()),
        events={name: spans for name, rule in rules.items() if len(spans := found(name, rule))},
    )


def _column(numbers: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    return numbers[:, VALUES.index(name)]


def _gaps(times: NDArray[np.float64], lasts: NDArray[np.float64], frames: NDArray[np.float64], every: int) -> Spans:
    """From the end of a row to the next one, where frames are missing or much time is."""
    ends, begins = times[:-1] + lasts[:-1], times[1:]
    is_gap = (begins - ends > ROUNDED_S) & ((np.diff(frames) != every) | (begins - ends > lasts[:-1]))
    return np.column_stack([ends[is_gap], begins[is_gap]])


def _runs(marked: NDArray[np.bool_], times: NDArray[np.float64], lasts: NDArray[np.float64]) -> Spans:
    edges = np.diff(np.concatenate([[0], marked.astype(np.int8), [0]]))
    first, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return np.column_stack([times[first], times[end] + lasts[end]])


def _merged(spans: Spans, least_s: float) -> list[list[float]]:
    merged: list[list[float]] = []
    for begin, end in spans.round(MILLISECONDS).tolist():
        if merged and begin - merged[-1][1] < least_s:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([begin, end])
    return merged
