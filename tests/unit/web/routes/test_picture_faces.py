"""One face of a picture for drawing: the table's numbers, places in pixels, and null for what was not measured."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from service.results.manifest_reader import ManifestReader
from service.results.series.layout import GEOMETRY, MISSING, VALUES, FaceRows, Geometry, Header
from service.results.series.store import Series
from service.storage.blob_store import BlobInfo
from service.web.routes.picture_faces import _face


class OneRow(Series):
    """A series of one row whose geometry is in memory."""

    points: Geometry

    def geometry_at_rows(self, first: int, end: int) -> Geometry:
        return self.points[first:end]


def face(points: list[float] | None = None, **values: float) -> dict[str, Any] | None:
    """The face of a row; points that are not given are at 1, 2."""
    row = np.full((1, len(VALUES)), np.nan, np.float32)
    for name, value in ({"confidence": 0.9} | values).items():
        row[0, VALUES.index(name)] = value
    nowhere: Any = None
    header = Header(640, 480, 1, (FaceRows(0, 0, 1),))
    made = OneRow(header, row, nowhere, "", BlobInfo("", "", 0), 0, ManifestReader({}))
    geometry = np.tile(np.array([4, 8], np.int16), GEOMETRY // 2)
    for place, value in enumerate(points or ()):
        geometry[place] = MISSING if math.isnan(value) else round(4 * value)
    object.__setattr__(made, "points", geometry[np.newaxis])
    return _face(made, 5, 0, {"AU12_r": "weak"})


def test_a_box_is_around_the_landmarks_in_pixels() -> None:
    found = face([10.25, 20, 110, 70.5])
    assert found is not None
    assert (found["face"], found["confidence"], found["box"]) == (5, 0.9, [1, 2, 109, 68.5])
    assert (len(found["landmarks"]), found["landmarks"][0]) == (68, [10.25, 20])


def test_angles_are_in_degrees_and_places_in_millimetres() -> None:
    pose = {"pose_Tx": 1.04, "pose_Ty": 2.0, "pose_Tz": 500.0, "pose_Rx": 0.0, "pose_Ry": math.pi / 6, "pose_Rz": 0.0}
    found = face(**pose, gaze_angle_x=-math.pi / 18, gaze_angle_y=0.0)
    assert found is not None
    assert found["head_pose"]["translation_mm"] == [1.0, 2.0, 500.0]
    assert found["head_pose"]["rotation_deg"] == {"pitch": 0, "yaw": 30.0, "roll": 0}
    assert found["gaze"]["angle_deg"] == [-10.0, 0]


def test_what_was_not_measured_is_null_in_json_that_every_reader_takes() -> None:
    found = face(AU12_r=2.5)
    assert found is not None
    assert found["action_units"]["AU12_r"] == {"intensity": 2.5, "support": "weak"}
    assert found["action_units"]["AU28_c"] == {"presence": None, "support": "supported"}
    # Lines of sight without angles are no gaze.
    assert found["gaze"] is None
    json.dumps(found | {"head_pose": None}, allow_nan=False)


def test_a_face_without_all_of_its_landmarks_is_left_out() -> None:
    assert face([math.nan, 2.0]) is None
