"""Make a short clip in which a known face moves, turns, comes closer, and is away for a while.

Separate because a demo needs a video whose right answer is known, and a drawn one costs no download.
"""

import math
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

FRAME_RATE = 30
FRAMES = 120
SIZE = (640, 480)
# The face leaves the picture here.
WITHOUT_FACE = range(72, 92)

Image = NDArray[np.uint8]

# Where the head and shoulders are in the 512x512 portrait, and the middle of the face there.
_PORTRAIT_BOX = (slice(0, 360), slice(60, 420))
_FACE_CENTRE = (165.0, 130.0)


def make_clip(portrait: Path, clip: Path, frames: int = FRAMES) -> None:
    """Write `clip` (H.264, 640x480, 30 frames a second, 4 s by default) from `portrait`. The same frames every time.

    Raises FileNotFoundError without the portrait.
    """
    picture = cv2.imread(str(portrait), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(portrait)
    head = picture[_PORTRAIT_BOX].astype(np.uint8)
    with av.open(str(clip), "w") as file:
        stream = file.add_stream("libx264", rate=FRAME_RATE, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, FRAME_RATE)
        # One thread: x264 writes the same bytes only then.
        stream.thread_count = 1
        for number in range(frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(draw_frame(head, number), format="bgr24")))
        file.mux(stream.encode())


def draw_frame(head: Image, number: int) -> Image:
    """One frame: the head on a plain background, or the background alone."""
    background = np.full((SIZE[1], SIZE[0], 3), (96, 88, 80), np.uint8)
    if number in WITHOUT_FACE:
        return background
    return np.asarray(
        cv2.warpAffine(
            head,
            _placement(number / FRAME_RATE),
            SIZE,
            dst=background,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        ),
        np.uint8,
    )


def _placement(second: float) -> NDArray[np.float64]:
    """The 2x3 matrix that turns, narrows, scales and moves the head at this time."""
    turn = math.radians(12.0 * math.sin(2 * math.pi * second / 2.0))
    scale = 1.05 + 0.2 * math.sin(2 * math.pi * second / 4.0)
    # A little narrower, as if the head turned to the side; at twice as much the jaw seems to drop (AU26).
    width = 1.0 - 0.08 * (0.5 - 0.5 * math.cos(2 * math.pi * second / 1.6))
    cosine, sine = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array([[cosine * width, -sine], [sine * width, cosine]])
    middle = np.array(
        [
            SIZE[0] / 2 + 70 * math.sin(2 * math.pi * second / 3.0),
            SIZE[1] / 2 - 20 + 25 * math.sin(2 * math.pi * second / 2.5),
        ]
    )
    return np.column_stack([linear, middle - linear @ np.array(_FACE_CENTRE)])
