"""The child that stays: pictures, one question after the other."""

from __future__ import annotations

from typing import Any

import cv2

from service.children.loop import serve
from service.media_child import pictures


def answer(question: dict[str, Any], _body: bytes) -> tuple[dict[str, Any], bytes]:
    """What a picture is. Raises MediaError."""
    if question.pop("do") == "hello":
        return {"opencv": cv2.__version__}, b""
    return pictures.probe(**question), b""


if __name__ == "__main__":
    serve(answer)
