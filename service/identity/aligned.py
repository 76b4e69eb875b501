"""Compute a face's embedding from a picture and its 68 landmarks; for child processes only, since it loads dlib.

The face is cut out with level eyes, so that the packaged predictor of 5 points sees it as in its training: upright.
The packaged predictor of 68 points is not used: its training data excludes commercial use
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
"""Side in pixels of the upright cut for the predictor; the network takes 150 pixels of it."""
MARGIN = 1.5
"""Side of the cut over the extent of the landmarks; parts outside the picture are black."""
THUMBNAIL_SIDE = 128
THUMBNAIL_QUALITY = 88
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
"""Of the 68 landmarks; left and right are those of the image."""

Pixels = NDArray[np.uint8]
Landmarks = NDArray[np.floating[Any]]


class AlignedFace:
    """A face cut out upright.

    Args:
        image: (height, width, 3) uint8 BGR.
        landmarks: (68, 2) in its pixels, as OpenFace numbers them.
    """

    def __init__(self, image: Pixels, landmarks: Landmarks) -> None:
        self._upright = cut(image, _region(landmarks), CUT_SIDE)

    def embedding(self) -> Embedding:
        """Compute the embedding, (128,) float32; deterministic. Raises EngineUnavailable."""
        predictor, network = load()
        rgb = cv2.cvtColor(self._upright, cv2.COLOR_BGR2RGB)
        inset = round(CUT_SIDE * (1 - 1 / MARGIN) / 2)
        points = predictor(rgb, dlib.rectangle(inset, inset, CUT_SIDE - inset, CUT_SIDE - inset))
        return np.array(network.compute_face_descriptor(rgb, points), np.float32)

    def thumbnail(self) -> bytes:
        """Encode a small JPEG."""
        small = cv2.resize(self._upright, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
        return bytes(data.tobytes())


@cache
def load() -> tuple[Any, Any]:
    """Load the predictor of five points and the network. Raises EngineUnavailable."""
    # By the package's list of files: importing the package needs pkg_resources, which setuptools has dropped.
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
