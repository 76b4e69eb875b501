"""OpenFace's guessed camera: from millimetres to pixels, as its own tables hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Pinhole camera at the origin, x right, y down, z away from it; lengths in pixels.

    OpenFace guesses the focal length as the mean of 500 · width / 640 and 500 · height / 480 and puts the centre in
    the middle (its `_of_details.txt` says so of every input).
    """

    focal: float
    centre: tuple[float, float]

    @classmethod
    def of(cls, width: int, height: int) -> Camera:
        """For a picture of this size in pixels."""
        return cls((500 * width / 640 + 500 * height / 480) / 2, (width / 2, height / 2))

    def project(self, points_mm: Numbers) -> Numbers:
        """Pixels, shape (n, 2), of points in millimetres, shape (n, 3); nan for those not in front of the camera."""
        z = np.where(points_mm[:, 2:] > 0, points_mm[:, 2:], np.nan)
        return np.asarray(points_mm[:, :2] / z * self.focal + self.centre)


def rotation(pitch: float, yaw: float, roll: float) -> Numbers:
    """OpenFace's head rotation, shape (3, 3), from `pose_Rx`, `pose_Ry`, `pose_Rz` in radians: R = Rx · Ry · Rz."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_x @ about_y @ about_z)
