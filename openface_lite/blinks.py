"""In which frames the eyes are shut, from how far they are open frame by frame.

An eye's opening is the lids' distance over the eye's width. It differs from person to person and with every smile, so
it is held against how far the same eyes were open around that moment. A mean over frames would hide blinks, which
last two to six of them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openface_lite.arrays import Array

# The eyes are shut once they are open less than this share of their usual opening, and until more than that one.
_SHUT_SHARE: Final = 0.6
_OPEN_SHARE: Final = 0.75
# The usual opening: a high percentile within this many seconds before and after. Laughing eyes are narrow for
# longer than that and are not shut; the clip's own percentile keeps eyes that stay shut from becoming usual.
_AROUND_S: Final = 2.0
_PERCENTILE: Final = 80.0
_LEAST_SHARE_OF_CLIP: Final = 0.7
# An opening below which an eye counts as shut by itself, with no clip around it.
SHUT: Final = 0.12

_UNKNOWN_RATE: Final = 30.0


def shut_frames(openings: Array, times_s: Array) -> NDArray[np.bool_]:
    """True (n,) for the frames in which the eyes are shut; ``openings`` (n,) without NaN, times in seconds."""
    if not len(openings):
        return np.zeros(0, dtype=np.bool_)
    share = openings / np.maximum(_usual_openings(openings, _growing(times_s)), np.finfo(float).tiny)
    shut = np.zeros(len(openings), dtype=np.bool_)
    is_shut = False
    for frame, value in enumerate(share.tolist()):
        is_shut = value < (_OPEN_SHARE if is_shut else _SHUT_SHARE)
        shut[frame] = is_shut
    return shut


def _usual_openings(openings: Array, times_s: Array) -> Array:
    of_clip = _LEAST_SHARE_OF_CLIP * np.percentile(openings, _PERCENTILE)
    first = np.searchsorted(times_s, times_s - _AROUND_S, side="left")
    last = np.searchsorted(times_s, times_s + _AROUND_S, side="right")
    around = [np.percentile(openings[a:b], _PERCENTILE) for a, b in zip(first, last, strict=True)]
    return np.maximum(around, of_clip)


def _growing(times_s: Array) -> Array:
    """The times, or for pictures without times those of a usual video."""
    return times_s if len(times_s) < 2 or np.ptp(times_s) > 0 else np.arange(len(times_s)) / _UNKNOWN_RATE
