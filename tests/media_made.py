"""Media that the tests make in code, so that none has to be kept."""

from __future__ import annotations

import io
from pathlib import Path

import av
import cv2
import numpy as np


def jpeg(shade: int = 90) -> bytes:
    """A small grey picture, other bytes for each shade."""
    done, data = cv2.imencode(".jpg", np.full((64, 64, 3), shade, np.uint8))
    assert done
    return data.tobytes()


def clip(frames: int = 25, rate: int = 25, shade: int = 90) -> bytes:
    """A small H.264 clip of constant rate."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(frames):
            picture = np.full((64, 64, 3), (shade + number) % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


FAKES = Path(__file__).parent / "fake_openface"
"""Stand-in engines, one folder a behaviour."""
