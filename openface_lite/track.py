"""Follow faces from frame to frame: one, or several in numbered slots."""

from dataclasses import dataclass

from openface_lite import detect
from openface_lite.analyse import find_faces, track_face
from openface_lite.arguments import FACES_AT_MOST
from openface_lite.arrays import Array, Image
from openface_lite.face import Face
from openface_lite.pictures import Picture, picture_of_frame
from openface_lite.pose import Camera

# How often a lost face is looked for in turned pictures, and with extra effort asked for in tiles too. The
# first costs four times the plain look that happens on every frame, the second ten times.
_WIDER_LOOK_INTERVAL = 12
# For this many frames only the lost face itself is taken up again: another in the picture is not it. Longer
# would cost rows after every cut. OpenFace looks for a face anew on every second failed frame.
_PATIENT_FRAMES = 2
_LOOK_FOR_MORE_INTERVAL = 8
_MAX_MISSES = 6


class FaceTracker:
    """Follows one face: the biggest where it begins, and the same one for as long as it can be seen.

    The face is looked for around its last place; once its presence falls the whole frame is searched. A face
    that overlaps that place is taken to be the lost one; another, the biggest, only some frames later.
    ``face`` is the one of the last frame, or None.
    """

    def __init__(self, *, camera: Camera | None = None, thorough: bool = False) -> None:
        self._camera = camera
        self._thorough = thorough
        self.face: Face | None = None
        self._last_box: Array | None = None
        self._frames_lost = 0

    def step(self, frame: Image | Picture) -> Face | None:
        """The face in the next frame, or None."""
        picture = picture_of_frame(frame)
        camera = self._camera = self._camera or Camera.for_size(picture.width, picture.height)
        face = track_face(picture, self.face, camera) if self.face else None
        face = self.face = face or self._look(picture, camera)
        self._last_box = face.box if face else self._last_box
        self._frames_lost = 0 if face else self._frames_lost + 1
        return face

    def _look(self, picture: Picture, camera: Camera) -> Face | None:
        wider = self._frames_lost % _WIDER_LOOK_INTERVAL == 0
        faces = find_faces(picture, camera, tiles=2 if wider and self._thorough else 0, again=wider)
        last = self._last_box
        same = [face for face in faces if last is not None and detect.overlap(face.box, last)]
        if last is not None and self._frames_lost < _PATIENT_FRAMES:
            faces = []
        return next(iter(same + faces), None)


@dataclass
class _Slot:
    face: Face
    misses: int = 0


class MultiFaceTracker:
    """Follows some faces, OpenFace's four by default, each in a numbered slot.

    A slot is not an identity: it is used again.
    """

    def __init__(
        self, *, camera: Camera | None = None, thorough: bool = False, faces_at_most: int = FACES_AT_MOST
    ) -> None:
        self._camera = camera
        self._faces_at_most = faces_at_most
        # Of several faces each is small, of many all are.
        self._tiles = 2 if thorough or faces_at_most > FACES_AT_MOST else 1
        self._slots: dict[int, _Slot] = {}
        self._frames_seen = 0

    def step(self, frame: Image | Picture) -> dict[int, Face]:
        """The faces of the next frame by slot, without those lost in it."""
        picture = picture_of_frame(frame)
        camera = self._camera = self._camera or Camera.for_size(picture.width, picture.height)
        seen = self._follow(picture, camera)
        lost_one = len(seen) < len(self._slots)
        if lost_one or self._frames_seen % _LOOK_FOR_MORE_INTERVAL == 0:
            self._add_new(picture, camera, seen)
        self._frames_seen += 1
        self._settle(seen)
        return dict(sorted(seen.items()))

    def _follow(self, picture: Picture, camera: Camera) -> dict[int, Face]:
        """Each known face at its new place; two tracks that ran into one face keep the lower slot."""
        seen: dict[int, Face] = {}
        for number, slot in sorted(self._slots.items()):
            face = track_face(picture, slot.face, camera)
            if face and not any(detect.overlap(face.box, other.box) for other in seen.values()):
                seen[number] = face
        return seen

    def _add_new(self, picture: Picture, camera: Camera, seen: dict[int, Face]) -> None:
        """Put faces that are not followed into the lost slot nearest to them, else into a free one."""
        is_empty = not self._slots
        for face in find_faces(picture, camera, tiles=self._tiles, again=is_empty):
            if any(detect.overlap(face.box, other.box) for other in seen.values()):
                continue
            number = self._lost_slot_near(face, seen)
            if number is None:
                number = next((n for n in range(self._faces_at_most) if n not in self._slots and n not in seen), None)
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
