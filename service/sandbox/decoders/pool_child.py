"""The pool's child for pictures: one probe after the other."""

from __future__ import annotations

from typing import Any

import cv2

from service.sandbox.child_loop import Answer, serve
from service.sandbox.decoders.picture_probe import probe


def _hello(_body: bytes) -> Answer:
    return {"opencv": cv2.__version__}, b""


def _probe(_body: bytes, **arguments: Any) -> Answer:
    return probe(**arguments), b""


if __name__ == "__main__":
    serve({"hello": _hello, "probe": _probe})
