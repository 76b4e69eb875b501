"""From a picture and a face's 68 landmarks to its embedding; for children only, since it loads dlib.

The face is cut out with level eyes, whichever way it lies in the picture, so that the packaged predictor of 5 points
sees it as it was trained: upright. The packaged one of 68 is left alone: its training data may not be used commercially
(https://github.com/davisking/dlib-models).
"""

from __future__ import annotations

import math
from functools import cache
from importlib.metadata import files
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from openface_lite.crop import Region, cut
from service.errors import EngineUnavailable
from service.identity.vectors import MODEL, Embedding

PACKAGE = "face_recognition_models"
POINTS_MODEL = "shape_predictor_5_face_landmarks"

CUT_SIDE = 300
"""Of the upright face that the predictor sees; the network sees 150 of it."""
MARGIN = 1.5
"""Of the cut, around the landmarks; what lies outside the picture is black."""
THUMBNAIL_SIDE = 128
THUMBNAIL_QUALITY = 88
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
"""Of the 68 landmarks; left in the image."""

Pixels = NDArray[np.uint8]
Landmarks = NDArray[np.floating[Any]]


class Aligned:
    """One face, upright.

    Args:
        image: (height, width, 3) uint8 BGR.
        landmarks: (68, 2) in its pixels, as OpenFace numbers them.
    """

    def __init__(self, image: Pixels, landmarks: Landmarks) -> None:
        self._upright = cut(image, _region(landmarks), CUT_SIDE)

    def embedding(self) -> Embedding:
        """(128,) float32; the same for the same pixels. Raises EngineUnavailable."""
        predictor, network = load()
        rgb = cv2.cvtColor(self._upright, cv2.COLOR_BGR2RGB)
        inset = round(CUT_SIDE * (1 - 1 / MARGIN) / 2)
        points = predictor(rgb, dlib.rectangle(inset, inset, CUT_SIDE - inset, CUT_SIDE - inset))
        return np.array(network.compute_face_descriptor(rgb, points), np.float32)

    def thumbnail(self) -> bytes:
        """A small JPEG."""
        small = cv2.resize(self._upright, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
        return bytes(data.tobytes())


@cache
def load() -> tuple[Any, Any]:
    """The predictor of five points and the network. Raises EngineUnavailable."""
    # Found by the package's list of files: importing it would ask for pkg_resources, which is no more.
    found = {file.stem: Path(str(file.locate())) for file in files(PACKAGE) or () if file.suffix == ".dat"}
    missing = [name for name in (POINTS_MODEL, MODEL) if name not in found]
    if missing:
        raise EngineUnavailable(f"{PACKAGE} has no {', '.join(missing)}")
    return dlib.shape_predictor(str(found[POINTS_MODEL])), dlib.face_recognition_model_v1(str(found[MODEL]))


def _region(landmarks: Landmarks) -> Region:
    left, right = landmarks[LEFT_EYE].mean(axis=0), landmarks[RIGHT_EYE].mean(axis=0)
    angle = math.atan2(right[1] - left[1], right[0] - left[0])
    # Extent along the line of the eyes and across it.
    cos, sin = math.cos(angle), math.sin(angle)
    level = landmarks @ np.array([[cos, -sin], [sin, cos]])
    low, high = level.min(axis=0), level.max(axis=0)
    x, y = np.array([[cos, -sin], [sin, cos]]) @ ((low + high) / 2)
    return Region(float(x), float(y), float(max(high - low)) * MARGIN, angle)
