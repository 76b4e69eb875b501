"""Find the cuts of a video: frames that differ from the one before far more than their neighbours do.

    python -m service.identity.shots video shots.json

Writes the frames, counted from 1, with which a shot begins; the first one's is left out. A cut too many costs one
embedding, since faces are told apart by embeddings alone; a cut too few may give a face another's number until the next
look at it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from openface_lite.videos import open_video
from service.identity.aligned import Pixels

SMALL = (64, 36)
"""Width and height to which frames are reduced: motion within shots disappears in the means, cuts do not."""
LEAST_STEP = 4.0
"""Grey levels of 255 by which the pixels of a cut's frames differ at least, in the mean."""
LEAST_RATIO = 3.0
"""Least ratio of the step at a cut to the median of the steps around it."""
AROUND = 12
"""Frames on either side, half a second at 25 a second."""


def steps(frames: Iterable[Pixels]) -> list[float]:
    """Return the mean difference of each frame from the one before, in grey levels; 0 of the first."""
    found: list[float] = []
    before: NDArray[np.int16] | None = None
    for pixels in frames:
        small = cv2.resize(pixels, SMALL, interpolation=cv2.INTER_AREA).astype(np.int16)
        found.append(0.0 if before is None else float(np.abs(small - before).mean()))
        before = small
    return found


def shot_starts(found: Sequence[float]) -> list[int]:
    """Return the frames, from 1, with which shots begin, by the steps between frames."""
    starts = []
    for place, step in enumerate(found):
        around = [*found[max(1, place - AROUND) : place], *found[place + 1 : place + 1 + AROUND]]
        if step >= LEAST_STEP and step >= LEAST_RATIO * (float(np.median(around)) if around else 0.0):
            starts.append(place + 1)
    return starts


def main(video: Path, answer: Path) -> None:
    """Write the first frames of a video's shots."""
    answer.write_text(json.dumps(shot_starts(steps(frame.pixels for frame in open_video(video).frames))), "utf-8")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
