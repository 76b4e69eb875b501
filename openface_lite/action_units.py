"""Action unit intensities from the geometry of the face, and which of them can be trusted.

Six of OpenFace's 17 intensities show in landmarks alone. The others, and every presence flag, are not
estimable here and stay empty: an empty cell says "not measured", a zero would say "absent".
"""

from functools import cache
from typing import Final

import numpy as np

from openface_lite.arrays import Array
from openface_lite.pose import mean_face_points

# OpenFace's units in OpenFace's order; AU28 exists as presence only.
_UNITS: Final = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)
INTENSITIES: Final = tuple(f"AU{unit:02}_r" for unit in _UNITS if unit != 28)
PRESENCES: Final = tuple(f"AU{unit:02}_c" for unit in _UNITS)

# What is measured here, in the order of the measure arrays, and how it agreed with real OpenFace on two
# videos (correlation .64-.89 supported, .1-.83 weak).
MEASURED: Final = {
    "AU01_r": "supported",
    "AU02_r": "weak",
    "AU12_r": "supported",
    "AU25_r": "supported",
    "AU26_r": "weak",
    "AU45_r": "supported",
}
SUPPORT: Final = {name: MEASURED.get(name, "not_estimable") for name in (*INTENSITIES, *PRESENCES)}

# The (6,) measures of a frame without a face.
NOT_MEASURED: Final = np.full(len(MEASURED), np.nan)

MAX_INTENSITY = 5.0
# Intensity per unit of measure (all are shares of the distance between the outer eye corners, except
# the eyelids' aspect ratio). Ours: set so that strong expressions of the test clips reach 2 to 4.
_GAINS: Final = np.array([35.0, 35.0, 13.0, 12.0, 8.0, 14.0])
# The neutral of a clip, as a percentile of each measure. The median would erase an expression that
# fills the clip; for the brows a low percentile is worse than the median. Eyelids: the measure is
# minus the aspect ratio, whose 70th percentile is the open eye. Chosen by agreement with real OpenFace on two
# videos that are not part of the repository; benchmarks/fidelity.py shows the agreement on a user's own.
_CLIP_PERCENTILES: Final = np.array([50.0, 50.0, 15.0, 15.0, 15.0, 30.0])
# A clip of a few frames has no neutral of its own to show.
_LEAST_FRAMES_FOR_A_NEUTRAL = 10
_SMOOTHED_FRAMES = 3


def measure(points: Array) -> Array:
    """The six raw measures (6,), in the order of :data:`MEASURED`, each growing with its action unit.

    ``points`` are the (68, 3) face points turned to the camera (:func:`openface_lite.pose.frontal_points`).
    """
    eyes_apart = float(np.linalg.norm(points[45] - points[36]))
    height = -points[:, 1]
    eye_line = height[[36, 39, 42, 45]].mean()
    mouth_opening = np.linalg.norm(points[66] - points[62])
    corners = height[[48, 54]].mean()
    lip_middle = height[[51, 57]].mean()
    shares = np.array(
        [
            height[[20, 21, 22, 23]].mean() - eye_line,
            height[[17, 18, 25, 26]].mean() - eye_line,
            np.linalg.norm(points[54] - points[48]) + corners - lip_middle,
            mouth_opening,
            mouth_opening + height[33] - height[8],
        ]
    )
    return np.append(shares / eyes_apart, -_eye_aspect_ratio(points))


@cache
def fixed_neutral() -> Array:
    """The (6,) measures of the mean face: the neutral of stills, where no better one is known."""
    neutral = measure(mean_face_points())
    neutral.setflags(write=False)
    return neutral


def clip_neutral(measures: Array) -> Array:
    """The (6,) neutral of a clip from the (frames, 6) measures of its good frames."""
    return np.array([np.percentile(measures[:, i], _CLIP_PERCENTILES[i]) for i in range(len(_GAINS))])


def intensities(measures: Array, neutral: Array) -> Array:
    """Intensities 0 to 5 of (..., 6) measures against a neutral (6,). NaN stays NaN."""
    return np.asarray(np.clip((measures - neutral) * _GAINS, 0, MAX_INTENSITY))


def clip_intensities(measures: Array, *, static: bool) -> Array:
    """The final (frames, 6) intensities of a clip; rows without a face are NaN and stay so.

    Against the clip's own neutral, or with ``static`` against the fixed one; then, as OpenFace does, the
    mean over 3 frames (over those of them that have a face).
    """
    seen = measures[~np.isnan(measures).any(axis=1)]
    own_neutral = not static and len(seen) >= _LEAST_FRAMES_FOR_A_NEUTRAL
    values = intensities(measures, clip_neutral(seen) if own_neutral else fixed_neutral())
    return _smooth(values)


def _smooth(values: Array) -> Array:
    """A centred 3-frame mean down each column that skips NaN and does not fill it."""
    missing = np.isnan(values)
    reach = _SMOOTHED_FRAMES // 2
    padding = ((reach, reach), (0, 0))
    sums = np.pad(np.where(missing, 0, values), padding)
    counts = np.pad((~missing).astype(float), padding)
    length = len(values)
    total = sum(sums[i : i + length] for i in range(_SMOOTHED_FRAMES))
    count = sum(counts[i : i + length] for i in range(_SMOOTHED_FRAMES))
    return np.where(missing, np.nan, total / np.maximum(count, 1))


def _eye_aspect_ratio(points: Array) -> float:
    """Lid distance over eye width, both eyes' mean (Soukupova and Cech 2016, eye aspect ratio)."""

    def ratio(p: Array) -> float:
        lids = np.linalg.norm(p[1] - p[5]) + np.linalg.norm(p[2] - p[4])
        return float(lids / (2 * np.linalg.norm(p[3] - p[0])))

    return (ratio(points[36:42]) + ratio(points[42:48])) / 2
