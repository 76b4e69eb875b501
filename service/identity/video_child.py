"""The child for faces of an analysis: where they are is known from the table; each is cut out and embedded.

    python -m service.identity.video_child plan.json embeddings.f32

The plan names the media and, by frame, the 68 landmarks of each face. The answer is a row of 128 float32 a face, in the
plan's order, NaN where the frame is not there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from openface_lite.pictures import picture_of
from openface_lite.videos import open_video
from service.identity.aligned import Aligned, Landmarks, Pixels
from service.identity.vectors import LENGTH


def main(plan: dict[str, Any], answer: Path) -> None:
    """Embed what the plan names."""
    wanted = plan["faces"]
    vectors = np.full((len(wanted), LENGTH), np.nan, np.float32)
    by_frame: dict[int, list[int]] = {}
    for number, face in enumerate(wanted):
        by_frame.setdefault(face["frame"], []).append(number)
    for frame, pixels, scale in _frames(Path(plan["path"]), plan["media"], max(by_frame, default=0)):
        for number in by_frame.get(frame, ()):
            landmarks: Landmarks = np.array(wanted[number]["landmarks"], float) * scale
            vectors[number] = Aligned(pixels, landmarks).embedding()
    answer.write_bytes(vectors.astype("<f4").tobytes())


def _frames(path: Path, media: str, last: int) -> Iterator[tuple[int, Pixels, Landmarks]]:
    """Frames by number, from 1, and by what landmarks have to be multiplied to lie in them."""
    if media == "image":
        picture = picture_of(path)
        height, width = picture.pixels.shape[:2]
        yield 1, picture.pixels, np.array([width / picture.width, height / picture.height])
        return
    for number, frame in enumerate(open_video(path).frames, 1):
        yield number, frame.pixels, np.ones(2)
        if number >= last:
            return


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
