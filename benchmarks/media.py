"""Makes the media that is measured on: a clip of a given length, and files that are huge but cheap.

Separate because the clip is kept from run to run, so that runs can be compared.
"""

from __future__ import annotations

import hashlib
import struct
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import cv2

from benchmarks.site import BENCH_FOLDER
from infra.local import demo_media
from infra.local.demo import PORTRAIT

MIB = 1024 * 1024
_BOX_HEAD_BYTES = 8


def clip(seconds: int) -> Path:
    """A clip of the demo's moving face (640x480, 30 frames a second, upright), made once."""
    BENCH_FOLDER.mkdir(parents=True, exist_ok=True)
    path = BENCH_FOLDER / f"clip-{seconds}s-{_recipe()}.mp4"
    if not path.is_file():
        unfinished = path.with_suffix(".part.mp4")
        _make_clip(unfinished, seconds)
        unfinished.replace(path)
    return path


def photos(folder: Path, count: int) -> list[Path]:
    """The portrait in many sizes and qualities, so that no two files are the same."""
    folder.mkdir()
    portrait = cv2.imread(str(PORTRAIT))
    assert portrait is not None
    files = []
    for number in range(count):
        side = 448 + number % 128
        path = folder / f"photo-{number:04d}.jpg"
        cv2.imwrite(str(path), cv2.resize(portrait, (side, side)), [cv2.IMWRITE_JPEG_QUALITY, 80 + number % 19])
        files.append(path)
    return files


def padded(video: Path, target: Path, size: int) -> Path:
    """Pad an MP4 with an empty box to `size` bytes; the file is sparse."""
    content = video.read_bytes()
    room = size - len(content)
    if room < _BOX_HEAD_BYTES:
        raise ValueError(f"{video.name} alone is larger than {size:,} bytes")
    with target.open("wb") as file:
        # A `free` box: players pass over it (ISO/IEC 14496-12, 8.1.2).
        file.write(content + struct.pack(">I4s", room, b"free"))
        file.truncate(size)
    return target


def zeros(target: Path, size: int) -> Path:
    """A file of zero bytes, which is no video whatever its name says."""
    with target.open("wb") as file:
        file.truncate(size)
    return target


def _recipe() -> str:
    """A short hash of all that decides the clip's frames."""
    digest = hashlib.sha256()
    for part in (PORTRAIT, Path(demo_media.__file__), Path(__file__)):
        digest.update(part.read_bytes())
    return digest.hexdigest()[:8]


def _make_clip(path: Path, seconds: int) -> None:
    demo_media.make_clip(PORTRAIT, path)
    with av.open(str(path)) as source:
        pictures = [frame.to_ndarray(format="bgr24") for frame in source.decode(video=0)]
    # Forth and back, so that the face never jumps.
    wanted = islice(cycle([*pictures, *reversed(pictures)]), seconds * demo_media.FRAME_RATE)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=demo_media.FRAME_RATE, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height = demo_media.SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, demo_media.FRAME_RATE)
        for picture in wanted:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        file.mux(stream.encode())
