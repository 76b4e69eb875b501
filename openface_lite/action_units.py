"""Action unit intensities from blendshapes and the geometry of the face, and how far each can be trusted.

Ten of OpenFace's 17 intensities and one presence are estimated. The others stay empty: an empty cell says "not
measured", a zero would say "absent". The weights are round numbers set by hand after looking at faces; they are no
model of OpenFace's, and nothing was fitted to its output.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from openface_lite import blinks
from openface_lite.arrays import Array
from openface_lite.signals import NAMES as SIGNALS
from openface_lite.signals import OPEN_RATIO, PLACE

# OpenFace's units in OpenFace's order; AU28 exists as presence only.
_UNITS: Final = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)
INTENSITIES: Final = tuple(f"AU{unit:02}_r" for unit in _UNITS if unit != 28)
PRESENCES: Final = tuple(f"AU{unit:02}_c" for unit in _UNITS)

SUPPORTED, WEAK, NOT_ESTIMABLE = "supported", "weak", "not_estimable"


class Unit(NamedTuple):
    """How one intensity is read from the signals.

    ``percentile`` of each signal over a clip is its neutral there. The sum of ``weights`` times what exceeds the
    neutral is the intensity. ``rests_on`` and ``cannot_tell`` are for the reader of a result.
    """

    support: str
    percentile: float
    weights: Mapping[str, float]
    rests_on: str
    cannot_tell: str
    smoothed: bool = True


# Percentiles: the median of a clip would erase an expression that fills it, so mouths have a low one; brows and lids
# rest in the middle of their range, where a low percentile would turn rest into movement. Weights: a broad smile that
# shows the teeth is to reach 3 to 4 in AU12, a plain lift of the brows 2, shut eyes 1.5 to 2.
MEASURED: Final = {
    "AU01_r": Unit(
        SUPPORTED,
        40,
        {"browInnerUp": 1.6, "g_browInner": 1.4},
        "height of the inner brows over the eye corners, and the network's own word for it",
        "in a still, high-set brows from raised ones",
    ),
    "AU02_r": Unit(
        WEAK,
        40,
        {"browOuterUp": 0.5, "browInnerUp": 0.4, "g_browOuter": 0.8},
        "height of the outer brows over the eye corners",
        "outer from inner brow raising: the two rise together here",
    ),
    "AU05_r": Unit(
        WEAK,
        50,
        {"eyeWide": 8.0},
        "the network's word for wide eyes alone, which is faint",
        "wide eyes from a look upwards; it was compared with OpenFace on one clip only",
    ),
    "AU06_r": Unit(
        SUPPORTED,
        20,
        {"mouthSmile": 2.2, "g_cornerLift": 0.8},
        "the smile it comes with: nothing here sees the cheeks",
        "a smile with the cheeks (Duchenne) from one without: it follows AU12",
    ),
    "AU07_r": Unit(
        WEAK,
        30,
        {"eyeSquint": 1.1, "g_lowerLidUp": 0.8, "browDown": 1.0},
        "narrowed eyes, raised lower lids and lowered brows",
        "tightened lids from a smile's narrow eyes or from bright light",
    ),
    "AU10_r": Unit(
        WEAK,
        20,
        {"mouthUpperUp": 0.8, "g_upperLipUp": 0.6, "g_lipGap": 0.3},
        "height of the upper lip under the nose",
        "a raised upper lip from a smile that shows the teeth",
    ),
    "AU12_r": Unit(
        SUPPORTED,
        20,
        {"mouthSmile": 1.0, "g_mouthWidth": 0.7, "g_cornerLift": 0.7, "g_cornerLiftNose": 0.7},
        "width of the mouth and height of its corners",
        "a smile from lips pressed wide, as of someone who cries",
    ),
    "AU25_r": Unit(
        SUPPORTED,
        20,
        {"g_lipGapWide": 1.2, "mouthLowerDown": 1.0, "mouthUpperUp": 1.0},
        "distance between the inner edges of the lips",
        "what OpenFace says of closed lips: it agrees with the eye, and less with OpenFace",
    ),
    "AU26_r": Unit(
        WEAK,
        30,
        {"jawOpen": 1.0, "g_chinDrop": 1.4},
        "distance of the chin from the eyes, and the network's word for an open jaw",
        "in a still, a long face from a dropped jaw",
    ),
    "AU45_r": Unit(
        SUPPORTED,
        30,
        {"eyeBlink": 1.2, "g_eyeClosed": 1.4},
        "distance between the lids, each frame by itself",
        "shut eyes from a look far down",
        # Two frames are a blink; a mean over three would halve it.
        smoothed=False,
    ),
}
# The presence of AU45: the eyes are shut in this frame.
SHUT_EYES: Final = "AU45_c"
SUPPORT: Final = {
    **{name: MEASURED[name].support if name in MEASURED else NOT_ESTIMABLE for name in INTENSITIES},
    **{name: SUPPORTED if name == SHUT_EYES else NOT_ESTIMABLE for name in PRESENCES},
}

# The signals of resting faces, for stills and for clips too short to show a neutral of their own: seen in the
# neutral frames of clips and in portraits without expression, rounded, and for what differs from person to person
# (brows, chin, lids) towards the side that makes no expression out of a face's own shape.
_RESTING: Final = {
    "browInnerUp": 0.05,
    "browOuterUp": 0.05,
    "browDown": 0.3,
    "eyeWide": 0.02,
    "eyeSquint": 0.4,
    "eyeBlink": 0.2,
    "mouthSmile": 0.02,
    "mouthUpperUp": 0.02,
    "mouthLowerDown": 0.02,
    "jawOpen": 0.03,
    "g_browInner": 2.0,
    "g_browOuter": 1.8,
    "g_lowerLidUp": -0.2,
    "g_eyeClosed": -0.65,
    "g_mouthWidth": 5.4,
    "g_cornerLift": 0.0,
    "g_cornerLiftNose": -2.3,
    "g_upperLipUp": -1.4,
    "g_lipGap": 0.1,
    "g_lipGapWide": 0.1,
    "g_chinDrop": 12.3,
}

# The signals of a frame without a face.
NOT_MEASURED: Final = np.full(len(SIGNALS), np.nan)

MAX_INTENSITY = 5.0
# A clip of a few frames has no neutral of its own to show.
_LEAST_FRAMES_FOR_A_NEUTRAL = 10
_SMOOTHED_FRAMES = 3


class ClipUnits(NamedTuple):
    """A clip's final cells: ``intensities`` (frames, 17) and ``presences`` (frames, 18), NaN where not measured."""

    intensities: Array
    presences: Array


def still_intensities(measures: Array) -> Array:
    """The 17 intensities of one face by itself (21 signals), against the resting face; NaN for unmeasured units."""
    return np.asarray(_cells(_weighted(measures[np.newaxis], _fixed_neutrals()))[0])


def still_presences(measures: Array) -> Array:
    """The 18 presences of one face by itself; all NaN but AU45's."""
    return np.asarray(_presence_cells(np.asarray(openings(measures[np.newaxis]) < blinks.SHUT, dtype=float))[0])


def clip_units(measures: Array, times_s: Array, *, static: bool) -> ClipUnits:
    """The final cells of a clip from its (frames, 21) signals; rows without a face are NaN and stay so.

    Against the clip's own neutral, or with ``static`` against the resting face. As OpenFace does, signals are averaged
    over 3 frames (over those of them that have a face), but for the eyes' closing.
    """
    seen = ~np.isnan(measures).any(axis=1)
    smooth = _smooth(measures)
    own_neutral = not static and int(seen.sum()) >= _LEAST_FRAMES_FOR_A_NEUTRAL
    neutrals = _clip_neutrals(smooth[seen]) if own_neutral else _fixed_neutrals()
    rough_units = [not unit.smoothed for unit in MEASURED.values()]
    values = _weighted(smooth, neutrals)
    values[:, rough_units] = _weighted(measures, neutrals)[:, rough_units]
    shut = np.full(len(measures), np.nan)
    shut[seen] = blinks.shut_frames(openings(measures[seen]), times_s[seen])
    return ClipUnits(_cells(values), _presence_cells(shut))


def openings(measures: Array) -> Array:
    """How far the eyes are open (n,), lid distance over eye width, from (n, 21) signals."""
    return np.asarray(-OPEN_RATIO * measures[:, PLACE["g_eyeClosed"]])


def _weighted(measures: Array, neutrals: Array) -> Array:
    """Intensities (n, 10) of (n, 21) signals against a neutral for each unit (10, 21). NaN stays NaN."""
    excess = np.maximum(measures[:, np.newaxis] - neutrals, 0)
    return np.asarray(np.clip((excess * _weights()).sum(axis=2), 0, MAX_INTENSITY))


@cache
def _weights() -> Array:
    table = np.zeros((len(MEASURED), len(SIGNALS)))
    for row, unit in enumerate(MEASURED.values()):
        for name, weight in unit.weights.items():
            table[row, PLACE[name]] = weight
    return table


@cache
def _fixed_neutrals() -> Array:
    resting = np.array([_RESTING[name] for name in SIGNALS])
    return np.tile(resting, (len(MEASURED), 1))


def _clip_neutrals(measures: Array) -> Array:
    """For each unit its percentile of every signal: (10, 21)."""
    return np.array([np.percentile(measures, unit.percentile, axis=0) for unit in MEASURED.values()])


def _cells(values: Array) -> Array:
    """All 17 intensities from the 10 measured ones."""
    cells = np.full((len(values), len(INTENSITIES)), np.nan)
    cells[:, [INTENSITIES.index(name) for name in MEASURED]] = values
    return cells


def _presence_cells(shut: Array) -> Array:
    """All 18 presences from that of AU45."""
    cells = np.full((len(shut), len(PRESENCES)), np.nan)
    cells[:, PRESENCES.index(SHUT_EYES)] = shut
    return cells


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
