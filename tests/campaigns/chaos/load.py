"""The media of a run, made in code: each with bytes of its own, and with the rows that its table must have."""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import av
import cv2

from infra.local.demo_media import draw_frame
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import clip, jpeg

Engine = Literal["real", "stand-in"]

MARK = "chaos"
MARK_BYTES = 48
"""The mark is so long, at the very end of the file, where no decoder looks and the engine of the run does."""

STAND_IN_FRAMES, REAL_FRAMES = 25, 20


@dataclass(frozen=True)
class Medium:
    """One file.

    Attributes:
        name: of the blob, without its number.
        rows: of a whole table; None where no decoder can read the file, so that its job has to fail.
        mark: what the engine of the run knows it by, and that it is measured by the real one or a stand-in.
    """

    name: str
    kind: Literal["image", "video"]
    content: bytes
    rows: int | None
    mark: str

    @property
    def is_hopeless(self) -> bool:
        return self.rows is None


Maker = Callable[[str], Medium]


def make_media(count: int, chance: random.Random) -> list[Medium]:
    """Choose `count` files in the run's mixture, at least one of each sort where there are enough."""
    sorts = [maker for maker, share in _MIXTURE for _ in range(max(1, round(count * share)))]
    chance.shuffle(sorts)
    while len(sorts) < count:
        sorts.append(_stand_in_picture)
    return [maker(f"{number:05d}-{chance.getrandbits(64):016x}") for number, maker in enumerate(sorts[:count])]


def _stand_in_picture(own: str) -> Medium:
    return _marked("face.jpg", "image", jpeg(), 1, "stand-in", own)


def _stand_in_clip(own: str) -> Medium:
    return _marked("clip.mp4", "video", _grey_clip(), STAND_IN_FRAMES, "stand-in", own)


def _portrait(own: str) -> Medium:
    return _marked("portrait.jpg", "image", _small_portrait(), 1, "real", own)


def _empty_picture(own: str) -> Medium:
    return _marked("empty.jpg", "image", jpeg(), 0, "real", own)


def _moving_face(own: str) -> Medium:
    return _marked("moving.mp4", "video", _moving_face_clip(), REAL_FRAMES, "real", own)


def _no_picture(own: str) -> Medium:
    return _marked("notes.jpg", "image", b"these are words and no picture", None, "real", own)


def _no_index(own: str) -> Medium:
    whole = _grey_clip()
    return _marked("cut.mp4", "video", whole[: len(whole) // 2], None, "real", own)


_MIXTURE: tuple[tuple[Maker, float], ...] = (
    (_stand_in_picture, 0.50),
    (_stand_in_clip, 0.20),
    (_portrait, 0.12),
    (_moving_face, 0.08),
    (_empty_picture, 0.06),
    (_no_picture, 0.02),
    (_no_index, 0.02),
)


def _marked(
    name: str, kind: Literal["image", "video"], content: bytes, rows: int | None, engine: Engine, own: str
) -> Medium:
    mark = f"{MARK}:{engine}:{own}"
    tail = mark.encode().rjust(MARK_BYTES)
    if kind == "video":
        # A box that players skip; loose bytes would be taken for a broken one.
        tail = struct.pack(">I4s", 8 + len(tail), b"free") + tail
    return Medium(name, kind, content + tail, rows, mark)


@cache
def _grey_clip() -> bytes:
    return clip(frames=STAND_IN_FRAMES)


@cache
def _small_portrait() -> bytes:
    picture = cv2.imread(str(ASTRONAUT), cv2.IMREAD_COLOR)
    assert picture is not None
    done, data = cv2.imencode(".jpg", cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA))
    assert done
    return data.tobytes()


@cache
def _moving_face_clip() -> bytes:
    """Less than a second of the demo's face."""
    picture = cv2.imread(str(ASTRONAUT), cv2.IMREAD_COLOR)
    assert picture is not None
    head = picture[0:360, 60:420].astype("uint8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "moving.mp4"
        with av.open(str(path), "w") as file:
            stream = file.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
            for number in range(REAL_FRAMES):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(draw_frame(head, number), format="bgr24")))
            file.mux(stream.encode())
        return path.read_bytes()
