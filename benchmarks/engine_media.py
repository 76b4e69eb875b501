"""Makes what the embedded analyser is timed on: one clip in several sizes, and pictures with some faces.

Separate from the pipeline's clip: here the face never leaves, and camera grain keeps the decoder as busy as real
footage does.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.site import BENCH_FOLDER
from infra.local import demo_media
from infra.local.demo import PORTRAIT

SIZES = {480: (640, 480), 720: (1280, 720), 1080: (1920, 1080)}
"""Width and height by the usual name."""
MOST_FACES = 6

_GRAIN_SD = 4.0
_GRAINS = 8
_BACKGROUND = (96, 88, 80)
_HEAD = (slice(0, 360), slice(60, 420))
_CELL = 360
_GRID = (3, 2)

Image = NDArray[np.uint8]


def clip(lines: int, frames: int) -> Path:
    """The demo's moving face at `lines` lines and 30 frames a second, filling the same share of each size."""
    path = BENCH_FOLDER / f"engine-{lines}p-{frames}-{_recipe()}.mp4"
    if not path.is_file():
        BENCH_FOLDER.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.mp4")
        _make_clip(unfinished, SIZES[lines], frames)
        unfinished.replace(path)
    return path


def faces(count: int) -> Path:
    """A picture of always the same size with `count` (1 to `MOST_FACES`) equal faces.

    A BMP, so that decoding costs the same.
    """
    path = BENCH_FOLDER / f"engine-faces-{count}-{_recipe()}.bmp"
    if not path.is_file():
        BENCH_FOLDER.mkdir(parents=True, exist_ok=True)
        across, down = _GRID
        picture = np.full((down * _CELL, across * _CELL, 3), _BACKGROUND, np.uint8)
        for number in range(count):
            row, column = divmod(number, across)
            picture[row * _CELL : (row + 1) * _CELL, column * _CELL : (column + 1) * _CELL] = _head()
        cv2.imwrite(str(path), picture)
    return path


def _head() -> Image:
    picture = cv2.imread(str(PORTRAIT), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(PORTRAIT)
    return np.asarray(picture[_HEAD], np.uint8)


def _recipe() -> str:
    """A short hash of all that decides the pixels."""
    digest = hashlib.sha256()
    for part in (PORTRAIT, Path(demo_media.__file__), Path(__file__)):
        digest.update(part.read_bytes())
    return digest.hexdigest()[:8]


def _make_clip(path: Path, size: tuple[int, int], frames: int) -> None:
    head = _head()
    # Up to where the face leaves, forth and back, so that it never jumps.
    there = range(demo_media.WITHOUT_FACE.start)
    numbers = list(islice(cycle([*there, *reversed(there)]), frames))
    grain = [_grain(seed, size) for seed in range(_GRAINS)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=demo_media.FRAME_RATE, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, demo_media.FRAME_RATE)
        for place, number in enumerate(numbers):
            picture = _enlarged(demo_media.draw_frame(head, number), size)
            noisy = np.asarray(np.clip(picture + grain[place % _GRAINS], 0, 255), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="bgr24")))
        file.mux(stream.encode())


def _enlarged(picture: Image, size: tuple[int, int]) -> Image:
    """The picture at the height of `size`, in the middle of its width."""
    width, height = size
    scaled_width = round(picture.shape[1] * height / picture.shape[0])
    scaled = cv2.resize(picture, (scaled_width, height), interpolation=cv2.INTER_CUBIC)
    canvas = np.full((height, width, 3), _BACKGROUND, np.uint8)
    left = (width - scaled_width) // 2
    canvas[:, left : left + scaled_width] = scaled
    return canvas


def _grain(seed: int, size: tuple[int, int]) -> NDArray[np.int16]:
    noise = np.random.default_rng(seed).normal(0, _GRAIN_SD, (size[1], size[0], 1))
    return np.asarray(noise.round(), np.int16)
