"""Faces measured at once: the client's models, and any picture as the bytes that are sent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Picture: TypeAlias = Path | str | bytes | NDArray[np.uint8] | Image

Point = tuple[float, float]
Vector = tuple[float, float, float]


class _Model(BaseModel):
    """Fields of newer services are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class KeyPoints(_Model):
    """Five key points (x, y) in pixels; left and right are those of the image."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point


class FoundFace(_Model):
    """One face: `box` is x, y, width, height in pixels of the upright picture, `confidence` 0 to 1."""

    box: tuple[int, int, int, int]
    confidence: float
    keypoints: KeyPoints

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.box}, confidence {self.confidence:.2f}>"


class Angles(_Model):
    """Head rotation in degrees, with OpenFace's signs."""

    pitch: float
    yaw: float
    roll: float


class HeadPose(_Model):
    """Camera coordinates: x right, y down, z away from the camera; translation in mm, rotation vector in radians."""

    translation_mm: Vector
    rotation_deg: Angles
    rotation_vector: Vector


class Gaze(_Model):
    """OpenFace's gaze angles (x, y) in degrees."""

    angle_deg: Point


class ActionUnit(_Model):
    """Intensity 0 to 5 (`…_r`) or presence 0 or 1 (`…_c`); None where it was not measured, which is not absent."""

    intensity: float | None = None
    presence: float | None = None
    support: Literal["supported", "weak", "not_estimable"]


class AnalysedFace(FoundFace):
    """One face with all measurements: 68 `landmarks` as OpenFace numbers them, `action_units` by column."""

    landmarks: list[Point]
    head_pose: HeadPose
    gaze: Gaze | None
    action_units: dict[str, ActionUnit]


class EngineFacts(_Model):
    """The engine of a measurement."""

    name: str
    version: str | None
    licence_class: str


class AnalysedImage(_Model):
    """A picture's size, its faces, largest first, and the engine that measured them."""

    width: int
    height: int
    seconds: float
    engine: EngineFacts
    faces: list[AnalysedFace]

    def __repr__(self) -> str:
        return f"<AnalysedImage {self.width} × {self.height}, {len(self.faces)} faces, by {self.engine.name}>"


def encoded(picture: Picture) -> bytes:
    """Return the bytes of a picture file: of a path, of bytes, or of an array or PIL picture as PNG.

    Args:
        picture: arrays are (height, width, 3) RGB or (height, width) grey, uint8.

    Raises:
        ValueError: an array of another shape or type.
        OSError: the file cannot be read.
    """
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str | Path):
        return Path(picture).read_bytes()
    # Loaded here: who sends files needs neither.
    import numpy as np
    from PIL import Image

    if isinstance(picture, np.ndarray):
        is_picture = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
        if picture.dtype != np.uint8 or not is_picture:
            raise ValueError(
                f"an array of {picture.dtype} {picture.shape} is no picture: (height, width, 3) uint8 RGB is"
            )
        picture = Image.fromarray(picture)
    buffer = io.BytesIO()
    # Fast: a stronger compression takes longer than sending the bytes it saves.
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
