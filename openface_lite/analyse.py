"""From a picture to its faces with everything measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openface_lite import detect, mesh, pose
from openface_lite.face import Face
from openface_lite.pictures import Picture, picture_of

# The least logit of a presence. Of 667 crops without a face 4 reached 0 and 1 reached 2; of 1,290 faces that were found
# 8 lay between the two.
_MIN_LOGIT = 2.0


def analyse_image(
    image: "NDArray[np.generic] | Path | str | bytes",
    *,
    camera: pose.Camera | None = None,
    tiles: bool = True,
    thorough: bool = False,
) -> list[Face]:
    """Every face of a still, largest first (by :attr:`Face.size`; of equals the surer first).

    ``image`` is a file, a file's bytes, or an upright array: (height, width) grey, or (height, width, 3 or 4)
    in BGR order, of uint8 or uint16. Very large pictures are analysed at a reduced size and their results given
    in full-size pixels (see :mod:`openface_lite.pictures`). ``camera`` defaults to OpenFace's guess for the
    full size. ``tiles`` also finds small faces; ``thorough`` looks at smaller tiles too. Where nothing is found the
    picture is tried with a margin around it, for a face that fills it, and there or where a face lies on its side,
    turned by quarters, so faces of any in-plane rotation are found. Safe to call from several threads; the same input
    gives the same numbers.

    Raises MediaError (undecodable), ValueError (an array that is no picture), ModelsUnavailableError.
    """
    picture = picture_of(image)
    camera = camera or pose.Camera.for_size(picture.width, picture.height)
    return find_faces(picture, camera, tiles=2 if thorough else int(tiles))


def find_faces(picture: Picture, camera: pose.Camera, *, tiles: int, again: bool = True) -> list[Face]:
    """Every face of a picture, largest first; ``tiles`` as for :func:`detect.detect`.

    ``again`` allows further looks where no face is found: with a margin around the picture, then at the picture turned
    by quarters, which is also spent where a face is itself turned, since there may be others. What shows only in a
    turned picture must convince more: three further looks at a picture without a face are three further chances to
    see one in it.
    """
    faces = _measure_all(picture, detect.detect(picture.pixels, tiles=tiles), camera, _MIN_LOGIT)
    if again and not faces:
        faces = _measure_all(picture, detect.detect_with_margin(picture.pixels), camera, _MIN_LOGIT)
    if again and (not faces or any(_is_turned(face) for face in faces)):
        for quarter_turns in (1, 2, 3):
            detections = detect.detect_turned(picture.pixels, quarter_turns)
            faces += _measure_all(picture, detections, camera, mesh.SURE_LOGIT)
    return _each_once(faces)


def track_face(picture: Picture, before: Face, camera: pose.Camera) -> Face | None:
    """The face of the frame before in the next picture, or None where it cannot be seen any more."""
    fitted = mesh.fit(picture, before.mesh, min_logit=_MIN_LOGIT)
    return _measure(picture, fitted, camera, before.head_pose) if fitted else None


def _is_turned(face: Face) -> bool:
    return bool(abs(face.head_pose.angles[2]) > np.pi / 4)


def _each_once(faces: list[Face]) -> list[Face]:
    """Of faces in the same place the surest (of equals the first); largest first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.mesh.logit):
        if not any(detect.overlap(face.box, other.box) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.size)


def _measure_all(
    picture: Picture, detections: list[detect.Detection], camera: pose.Camera, min_logit: float
) -> list[Face]:
    """The faces behind detections, in their order."""
    fits = (mesh.fit_afresh(picture, each.region, min_logit=min_logit) for each in detections)
    faces = (_measure(picture, fitted, camera) for fitted in fits if fitted)
    return [face for face in faces if face]


def _measure(picture: Picture, fitted: mesh.Mesh, camera: pose.Camera, near: pose.Pose | None = None) -> Face | None:
    if picture.is_reduced:
        fitted = replace(fitted, points=picture.to_full_size(fitted.points))
    head = pose.estimate(fitted, camera, near)
    if head.translation[2] <= 0 or not np.isfinite(head.translation).all():
        return None  # The solver went behind the camera: nothing measured from it would mean anything.
    return Face(fitted, camera, head)
