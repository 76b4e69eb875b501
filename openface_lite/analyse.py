"""From a picture to faces with everything measured: one still, one tracked face, or several."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from openface_lite import action_units, detect, gaze, landmarks, mesh, pose
from openface_lite.arrays import Array, Image
from openface_lite.crop import Region

# Presence below this is no face: none was seen in 23 face-less pictures and crops, none of the faces of the
# test photos was lost.
MIN_PRESENCE = 0.5
# With extra effort asked for, how often a lost face is looked for in tiles and turned pictures. It costs
# about ten times the plain look, which happens on every frame.
_THOROUGH_INTERVAL = 12
_MAX_FACES = 4
_LOOK_FOR_MORE_INTERVAL = 8
_MAX_MISSES = 6


@dataclass(frozen=True)
class Face:
    """One measured face. ``confidence`` is the mesh network's presence, 0 to 1."""

    mesh: mesh.Mesh
    camera: pose.Camera
    pose: pose.Pose
    gaze: gaze.Gaze

    @property
    def confidence(self) -> float:
        """How surely this is a face, 0 to 1."""
        return self.mesh.presence

    @property
    def box(self) -> Array:
        """Left, top, right, bottom in pixels."""
        return self.mesh.box

    @cached_property
    def landmarks_2d(self) -> Array:
        """OpenFace's 68 points (68, 2) in pixels."""
        return landmarks.face_points(self.mesh.points)[:, :2]

    @cached_property
    def landmarks_3d(self) -> Array:
        """The same points (68, 3) in mm, camera coordinates."""
        return pose.face_points_3d(self.landmarks_2d, self.camera, self.pose)

    @cached_property
    def au_measures(self) -> Array:
        """The raw measures (6,) behind the action units, in the order of action_units.MEASURED."""
        return action_units.measure(pose.frontal_points(self.mesh))

    @property
    def au_intensities(self) -> Array:
        """Intensities (6,) of 0 to 5 against the fixed neutral, in the order of action_units.MEASURED."""
        return action_units.intensities(self.au_measures, action_units.fixed_neutral())


def analyse_image(
    image: Image, *, camera: pose.Camera | None = None, tiles: bool = True, thorough: bool = False
) -> list[Face]:
    """Every face of a still, largest first.

    ``image`` is (height, width, 3) uint8 BGR, upright; ``camera`` defaults to OpenFace's guess for its
    size. ``tiles`` also finds small faces and about doubles the time; ``thorough`` uses smaller tiles
    too and, when nothing is found, tries the picture turned. Raises ModelsUnavailableError.
    """
    camera = camera or _camera_for(image)
    found = _measure_all(image, detect.detect(image, tiles=2 if thorough else int(tiles)), camera)
    for quarter_turns in (1, 3, 2) if thorough else ():
        if not found:
            found = _measure_all(image, detect.detect_turned(image, quarter_turns), camera)
    return found


def analyse_video(
    frames: Iterable[Image], *, camera: pose.Camera | None = None, thorough: bool = False
) -> Iterator[Face | None]:
    """One face tracked through frames of one size: for each frame the face, or None.

    Starts from the biggest face and looks again when it is lost. The faces' au_intensities are against
    the fixed neutral; :func:`action_units.clip_intensities` gives the final ones of a finished clip.
    """
    tracker = FaceTracker(camera=camera, thorough=thorough)
    for frame in frames:
        yield tracker.step(frame)


class FaceTracker:
    """Follows the biggest face from frame to frame."""

    def __init__(self, *, camera: pose.Camera | None = None, thorough: bool = False) -> None:
        self._camera = camera
        self._thorough = thorough
        self._region: Region | None = None
        self._frames_lost = 0

    def step(self, frame: Image) -> Face | None:
        """The face in the next frame, or None."""
        camera = self._camera = self._camera or _camera_for(frame)
        face = _measure(frame, self._region, camera, passes=1) if self._region else None
        face = face or self._look(frame, camera)
        self._region = face.mesh.region if face else None
        self._frames_lost = 0 if face else self._frames_lost + 1
        return face

    def _look(self, frame: Image, camera: pose.Camera) -> Face | None:
        thorough = self._thorough and self._frames_lost % _THOROUGH_INTERVAL == 0
        faces = analyse_image(frame, camera=camera, tiles=False, thorough=thorough)
        return faces[0] if faces else None


@dataclass
class _Slot:
    face: Face
    misses: int = 0


class MultiFaceTracker:
    """Follows up to four faces, each in a numbered slot. A slot is not an identity: it is used again."""

    def __init__(self, *, camera: pose.Camera | None = None, thorough: bool = False) -> None:
        self._camera = camera
        self._thorough = thorough
        self._slots: dict[int, _Slot] = {}
        self._frames_seen = 0

    def step(self, frame: Image) -> dict[int, Face]:
        """The faces of the next frame by slot, without those lost in it."""
        camera = self._camera = self._camera or _camera_for(frame)
        seen = self._follow(frame, camera)
        lost_one = len(seen) < len(self._slots)
        if lost_one or self._frames_seen % _LOOK_FOR_MORE_INTERVAL == 0:
            self._add_new(frame, camera, seen)
        self._frames_seen += 1
        self._settle(seen)
        return dict(sorted(seen.items()))

    def _follow(self, frame: Image, camera: pose.Camera) -> dict[int, Face]:
        """Each known face at its new place; two tracks that ran into one face keep the lower slot."""
        seen: dict[int, Face] = {}
        for number, slot in sorted(self._slots.items()):
            face = _measure(frame, slot.face.mesh.region, camera, passes=1)
            if face and not any(detect.overlap(face.box, other.box) for other in seen.values()):
                seen[number] = face
        return seen

    def _add_new(self, frame: Image, camera: pose.Camera, seen: dict[int, Face]) -> None:
        """Put faces nobody follows into the lost slot nearest to them, else into a free one."""
        for face in analyse_image(frame, camera=camera, tiles=False, thorough=self._thorough):
            if any(detect.overlap(face.box, other.box) for other in seen.values()):
                continue
            number = self._lost_slot_near(face, seen)
            if number is None:
                number = next((n for n in range(_MAX_FACES) if n not in self._slots and n not in seen), None)
            if number is not None:
                seen[number] = face

    def _lost_slot_near(self, face: Face, seen: dict[int, Face]) -> int | None:
        lost = [n for n in sorted(self._slots) if n not in seen]
        return next((n for n in lost if detect.overlap(face.box, self._slots[n].face.box)), None)

    def _settle(self, seen: dict[int, Face]) -> None:
        for number, face in seen.items():
            self._slots[number] = _Slot(face)
        for number in [n for n in self._slots if n not in seen]:
            self._slots[number].misses += 1
            if self._slots[number].misses >= _MAX_MISSES:
                del self._slots[number]


def _measure_all(image: Image, detections: list[detect.Detection], camera: pose.Camera) -> list[Face]:
    """The faces behind detections, each once, largest first."""
    faces: list[Face] = []
    for detection in detections:
        face = _measure(image, detection.region, camera, passes=2)
        if face and not any(detect.overlap(face.box, other.box) for other in faces):
            faces.append(face)
    return sorted(faces, key=lambda face: -_extent(face.box))


def _measure(image: Image, region: Region, camera: pose.Camera, *, passes: int) -> Face | None:
    """The face in a region, or None where the network sees none."""
    fitted = mesh.fit(image, region, passes=passes)
    if fitted.presence < MIN_PRESENCE:
        return None
    head = pose.estimate(fitted, camera)
    if head.translation[2] <= 0 or not np.isfinite(head.translation).all():
        return None  # The solver went behind the camera: nothing measured from it would mean anything.
    return Face(fitted, camera, head, gaze.estimate(fitted, camera, head))


def _camera_for(image: Image) -> pose.Camera:
    height, width = image.shape[:2]
    return pose.Camera.for_size(width, height)


def _extent(box: Array) -> float:
    return float(max(box[2] - box[0], box[3] - box[1]))
