"""Answers of the child of interactive analyses, asked in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import openface_lite
from service.engine.lite.child import ACTS
from service.errors import MediaTooLarge
from tests.conftest import ASTRONAUT
from tests.fixtures import clips
from tests.unit.engine.lite.test_face import ROW

PIXELS = 10_000_000


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    return clips.picture(tmp_path / "a.jpg").read_bytes()


def table(picture: bytes, *rows: dict[str, str], **changes: Any) -> tuple[dict[str, Any], bytes]:
    """Let the child read another engine's table."""
    lines = [",".join(ROW), *(",".join((ROW | row).values()) for row in rows)]
    wanted: dict[str, Any] = {"confidence": 0.0, "max_faces": 9, "support": {}, "drawn_as": "", "max_pixels": PIXELS}
    body = picture + "\n".join(lines).encode()
    return ACTS["table"](body, picture_bytes=len(picture), **(wanted | changes))


def test_a_child_says_which_analyser_it_is() -> None:
    assert ACTS["hello"](b"") == ({"engine": "openface_lite", "version": openface_lite.__version__}, b"")


def test_faces_are_found_and_returned_as_asked() -> None:
    wanted = {"max_pixels": PIXELS, "confidence": 0.0, "max_faces": 1, "tiles": False, "drawn_as": ".png"}
    summary, drawn = ACTS["faces"](ASTRONAUT.read_bytes(), everything=False, **wanted)
    [face] = summary["faces"]
    assert set(face) == {"box", "confidence", "keypoints"}
    seen = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_COLOR)
    assert seen.shape == (summary["height"], summary["width"], 3)


def test_faces_of_a_table_are_those_sure_enough_largest_first_up_to_the_most(picture: bytes) -> None:
    small, large, unsure = {"confidence": "0.5"}, {"x_0": "0", "confidence": "0.6"}, {"confidence": "0.4"}
    summary, _ = table(picture, small, unsure, large, confidence=0.5)
    assert [face["confidence"] for face in summary["faces"]] == [0.6, 0.5]
    assert "head_pose" in summary["faces"][0]
    [face] = table(picture, small, large, max_faces=1)[0]["faces"]
    assert face["confidence"] == 0.6


@pytest.mark.parametrize(("drawn_as", "begins"), [("", b""), (".png", b"\x89PNG"), (".jpg", b"\xff\xd8")])
def test_the_picture_is_drawn_in_the_wanted_format(picture: bytes, drawn_as: str, begins: bytes) -> None:
    _, drawn = table(picture, {}, drawn_as=drawn_as)
    assert drawn.startswith(begins)
    assert bool(drawn) is bool(drawn_as)


def test_a_picture_of_too_many_pixels_is_refused(picture: bytes) -> None:
    summary, upright = ACTS["upright"](picture, max_pixels=PIXELS)
    assert upright.startswith(b"\x89PNG")
    pixels = summary["width"] * summary["height"]
    ACTS["upright"](picture, max_pixels=pixels)
    with pytest.raises(MediaTooLarge):
        ACTS["upright"](picture, max_pixels=pixels - 1)
