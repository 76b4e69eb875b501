"""The charts of a video: quality, action units, head pose and gaze, stacked on one time axis."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from service.engine.columns import ACTION_UNIT_NAMES
from service.results.frame_times import LASTS, USUAL_S, with_durations
from service.results.manifest_reader import ManifestReader
from service.results.quality_gate import passes
from service.results.report.charts import MOST_LINES, ZOOMS, Lane, Mark, Signal, TimeAxis, clock, lane
from service.results.summary import GAZE, POSE
from service.results.summary_model import Event, Summary, Track

POSE_WORDS = {
    "pitch_deg": ("Pitch", "°", "nodding; positive is downwards"),
    "yaw_deg": ("Yaw", "°", "turning; positive is to the left in the picture"),
    "roll_deg": ("Roll", "°", "tilting; positive is clockwise in the picture"),
    "x_mm": ("X", "mm", "to the right in the picture"),
    "y_mm": ("Y", "mm", "down in the picture"),
    "z_mm": ("Z", "mm", "away from the camera"),
}
GAZE_WORDS = {
    "x_deg": ("Across", "°", "positive to the right in the picture"),
    "y_deg": ("Down", "°", "positive down"),
}
INTENSITY_BOUNDS = (0.0, 5.0)
SHORT_S = 20.0
"""Length up to which the whole clip is readable in the page's width."""


class Timeline:
    """The charts of a video on one time axis: the faces with most rows that pass the gate, one colour each."""

    def __init__(self, summary: Summary, table: pd.DataFrame, facts: ManifestReader) -> None:
        table = with_durations(table, facts)
        longest_s = float(table[LASTS].max()) if len(table) else USUAL_S
        last = float(table["timestamp"].max()) if len(table) else 0.0
        ends = [facts.probed("duration_s"), last + longest_s if np.isfinite(last) else 0.0]
        self.axis = TimeAxis(max(*ends, longest_s), longest_s)
        self._used = passes(table, summary.gate)
        self._table = table
        most = sorted(summary.tracks, key=lambda track: -track.rows_used)[:MOST_LINES]
        self.tracks: list[Track] = sorted(most, key=lambda track: track.face_id)
        self.left_out = len(summary.tracks) - len(self.tracks)
        by_face = {track.face_id: (table["face_id"] == track.face_id).to_numpy() for track in self.tracks}
        self._rows = {face_id: table[own & self._used] for face_id, own in by_face.items()}
        self._all_rows = {face_id: table[own] for face_id, own in by_face.items()}

    @property
    def zooms(self) -> tuple[int, ...]:
        """Zooms that are offered: a short clip needs none."""
        return ZOOMS if self.axis.duration_s > SHORT_S else ZOOMS[:1]

    def groups(self) -> list[tuple[str, str, list[Lane]]]:
        """List the groups of lanes: heading, note, lanes."""
        units = "intensity from 0 to 5"
        if len(self.tracks) == 1:
            units += "; shaded: the engine calls the unit present; marks: the highest events"
        found = [
            ("Quality", "", [self._confidence()]),
            ("Action units", units, self._action_units()),
            ("Head pose", "", [self._pose(name, *POSE_WORDS[name]) for name in POSE if self._any(POSE[name])]),
            ("Gaze", "", [self._gaze(name, column) for name, column in GAZE.items() if self._any(column)]),
        ]
        return [group for group in found if group[2]]

    def _confidence(self) -> Lane:
        signals = [
            Signal(rows["timestamp"].to_numpy(), rows["confidence"].to_numpy()) for rows in self._all_rows.values()
        ]
        note = "grey: frames that do not pass the quality gate"
        return lane(self.axis, "Confidence", note, signals, bounds=(0, 1), bands=self._not_counting(), band="gap")

    def _action_units(self) -> list[Lane]:
        measured = {
            unit: found
            for track in self.tracks
            for unit, found in track.action_units.items()
            if found.intensity or found.presence
        }
        return [self._action_unit(unit) for unit in measured]

    def _action_unit(self, unit: str) -> Lane:
        signals = [self._signal(track, f"{unit}_r") for track in self.tracks]
        alone = self.tracks[0] if len(self.tracks) == 1 else None
        found = alone.action_units[unit] if alone else None
        peaks = found.intensity.events.peaks if found and found.intensity else []
        levels = {track.action_units[unit].support for track in self.tracks}
        return lane(
            self.axis,
            f"{unit} {ACTION_UNIT_NAMES.get(unit, '').lower()}",
            "weak measure" if levels == {"weak"} else "",
            [signal for signal in signals if np.isfinite(signal.values).any()],
            bounds=INTENSITY_BOUNDS,
            shows_scale=False,
            bands=self._present(alone, f"{unit}_c") if alone else (),
            marks=[Mark(peak.start_s, peak.end_s, _event_text(peak)) for peak in peaks],
        )

    def _pose(self, name: str, word: str, unit: str, note: str) -> Lane:
        factor = float(np.degrees(1.0)) if name.endswith("_deg") else 1.0
        return lane(self.axis, f"{word}, {unit}", note, self._scaled(POSE[name], factor))

    def _gaze(self, name: str, column: str) -> Lane:
        word, unit, note = GAZE_WORDS[name]
        return lane(self.axis, f"{word}, {unit}", note, self._scaled(column, float(np.degrees(1.0))))

    def _scaled(self, column: str, factor: float) -> list[Signal]:
        signals = [self._signal(track, column) for track in self.tracks]
        return [Signal(signal.times_s, signal.values * factor) for signal in signals]

    def _any(self, column: str) -> bool:
        return any(bool(np.isfinite(rows[column]).any()) for rows in self._rows.values())

    def _signal(self, track: Track, column: str) -> Signal:
        rows = self._rows[track.face_id]
        times = rows["timestamp"].to_numpy()
        # AU28 has a presence and no intensity.
        return Signal(times, rows[column].to_numpy() if column in rows else np.full(len(times), np.nan))

    def _present(self, track: Track, column: str) -> list[tuple[float, float]]:
        rows = self._rows[track.face_id]
        if column not in rows:
            return []
        present = rows[rows[column] == 1]
        return _stretches(present["timestamp"].to_numpy(), present[LASTS].to_numpy())

    def _not_counting(self) -> list[tuple[float, float]]:
        used = self._table.loc[self._used].drop_duplicates("timestamp").sort_values("timestamp")
        times, lasts = used["timestamp"].to_numpy(), used[LASTS].to_numpy()
        if not len(times):
            return [(0.0, self.axis.duration_s)]
        starts = np.concatenate(([0.0], times + lasts))
        ends = np.concatenate((times, [self.axis.duration_s]))
        long = ends - starts > 0.5 * np.concatenate((lasts[:1], lasts))
        return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


def _stretches(times_s: NDArray[np.float64], lasts_s: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Join times of consecutive frames to stretches."""
    if not len(times_s):
        return []
    breaks = np.flatnonzero(np.diff(times_s) > 1.5 * lasts_s[:-1])
    starts = times_s[np.concatenate(([0], breaks + 1))]
    ends = (times_s + lasts_s)[np.concatenate((breaks, [len(times_s) - 1]))]
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _event_text(event: Event) -> str:
    return f"{clock(event.start_s)}, {event.end_s - event.start_s:.2f} s, peak {event.peak:.2f}"
