"""Child process that embeds the faces of an analysis, whose landmarks are known from its table.

    python -m service.identity.video_child plan.json embeddings.f32

The plan names the media and, for each face, its frame and 68 landmarks. The answer has 128 float32 for each face, in
the order of the plan; NaN where the frame is missing.
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
from service.identity.aligned import AlignedFace, Landmarks, Pixels
from service.identity.vectors import LENGTH


def main(plan: dict[str, Any], answer: Path) -> None:
    """Embed the faces of the plan."""
    faces = plan["faces"]
    vectors = np.full((len(faces), LENGTH), np.nan, np.float32)
    by_frame: dict[int, list[int]] = {}
    for number, face in enumerate(faces):
        by_frame.setdefault(face["frame"], []).append(number)
    for frame, pixels, scale in _frames(Path(plan["path"]), plan["media"], max(by_frame, default=0)):
        for number in by_frame.get(frame, ()):
            landmarks: Landmarks = np.array(faces[number]["landmarks"], float) * scale
            vectors[number] = AlignedFace(pixels, landmarks).embedding()
    answer.write_bytes(vectors.astype("<f4").tobytes())


def _frames(path: Path, media: str, last: int) -> Iterator[tuple[int, Pixels, Landmarks]]:
    """Yield frames by number, from 1, with the scale from landmarks to their pixels."""
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
