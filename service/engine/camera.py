"""The camera that an engine assumes: its own guess, an option's values, or a photo's EXIF data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from service.errors import OptionDoesNotFit
from service.jobs.options import JobOptions
from service.sandbox.preparation import Prepared

FILM_DIAGONAL_MM = math.hypot(36, 24)
"""The 35 mm equivalent of a focal length has the same angle of view over the diagonal (CIPA DC-008)."""

Source = Literal["guess", "options", "exif"]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; all four values in pixels: x = fx X/Z + cx, y = fy Y/Z + cy."""

    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def for_size(cls, width: int, height: int) -> Camera:
        """Return OpenFace's guess for a picture of this size."""
        focal = (500 * width / 640 + 500 * height / 480) / 2
        return cls(focal, focal, width / 2, height / 2)

    def divided(self, by: int) -> Camera:
        """Return the camera of a picture whose sides are divided."""
        return Camera(self.fx / by, self.fy / by, self.cx / by, self.cy / by)

    def moved(self, x: float, y: float) -> Camera:
        """Return the camera of a part that begins at x, y."""
        return Camera(self.fx, self.fy, self.cx - x, self.cy - y)

    def as_flags(self) -> list[str]:
        """Return OpenFace's options; a value counts only together with all others."""
        return [word for name, value in asdict(self).items() for word in (f"-{name}", f"{value:.10g}")]


@dataclass(frozen=True)
class AssumedCamera:
    """The camera of a media item, in the coordinates of its table, and where its values are from."""

    camera: Camera
    source: Source

    def as_dict(self) -> dict[str, Any]:
        """Return the values as in manifests."""
        return {name: round(value, 3) for name, value in asdict(self.camera).items()} | {"source": self.source}

    def for_engine(self, media: Prepared) -> Camera | None:
        """Return what the engine has to be given; None where its own guess is the same."""
        region = media.part.region
        if region:
            return self.camera.moved(region.x, region.y)
        return None if self.source == "guess" else self.camera


def assumed_camera(options: JobOptions, media: Prepared) -> AssumedCamera:
    """Choose the camera of prepared media.

    Raises:
        OptionDoesNotFit: the photo states no focal length.
    """
    probe = media.probe
    guess = Camera.for_size(probe.width, probe.height)
    if options.camera == "exif":
        return AssumedCamera(_by_exif(media, guess), "exif")
    if options.fx is None and options.cx is None:
        return AssumedCamera(guess, "guess")
    scale = probe.reduction
    fx, fy, cx, cy = (
        default if value is None else value / scale
        for value, default in (
            (options.fx, guess.fx),
            (options.fy, guess.fy),
            (options.cx, guess.cx),
            (options.cy, guess.cy),
        )
    )
    return AssumedCamera(Camera(fx, fy, cx, cy), "options")


def _by_exif(media: Prepared, guess: Camera) -> Camera:
    length_mm = media.probe.focal_length_35mm
    if length_mm is None:
        raise OptionDoesNotFit("the photo's EXIF data does not state the 35 mm equivalent of its focal length")
    focal = math.hypot(media.probe.width, media.probe.height) * length_mm / FILM_DIAGONAL_MM
    return Camera(focal, focal, guess.cx, guess.cy)
