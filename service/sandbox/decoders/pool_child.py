"""The child that stays: pictures, one question after the other."""

from __future__ import annotations

from typing import Any

import cv2

from service.sandbox.child_loop import Answer, serve
from service.sandbox.decoders import pictures


def _hello(_body: bytes) -> Answer:
    return {"opencv": cv2.__version__}, b""


def _probe(_body: bytes, **question: Any) -> Answer:
    """What a picture is. Raises MediaError."""
    return pictures.probe(**question), b""


if __name__ == "__main__":
    serve({"hello": _hello, "probe": _probe})
