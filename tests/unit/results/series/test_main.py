"""The child that writes `series.bin`: rows by face and time, and places in pixels worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.engine.lite.geometry import AXIS_MM
from service.results.series.__main__ import main
from service.results.series.layout import GEOMETRY, MISSING, VALUES, FaceRows, Header, value_bytes

CAMERA = (500.0, 500.0, 320.0, 240.0)


def series(folder: Path, columns: dict[str, list[object]], **request: object) -> tuple[Header, np.ndarray, np.ndarray]:
    """Header, values and geometry of a table of these columns."""
    csv, out = folder / "t.csv", folder / "series.bin"
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    csv.write_text("\n".join(lines) + "\n")
    main({"csv": str(csv), "out": str(out), "width": 640, "height": 480, "camera": CAMERA} | request)
    data = out.read_bytes()
    parsed = Header.parse(data)
    assert parsed is not None
    header, at = parsed
    middle = at + value_bytes(header.rows)
    values = np.frombuffer(data[at:middle], np.float32).reshape(header.rows, len(VALUES))
    return header, values, np.frombuffer(data[middle:], np.int16).reshape(header.rows, GEOMETRY)


def test_rows_are_by_face_and_then_by_frame(tmp_path: Path) -> None:
    columns = {"frame": [2, 1, 2, 1, 3], "face_id": [1, 1, 0, 0, 1], "AU12_r": [0.2, 0.1, 20, 10, 0.3]}
    header, values, _ = series(tmp_path, columns)
    assert values[:, VALUES.index("AU12_r")].tolist() == pytest.approx([10, 20, 0.1, 0.2, 0.3])
    # The face of most rows is first in the header.
    assert header == Header(640, 480, 5, (FaceRows(1, 2, 3), FaceRows(0, 0, 2)))
    # Columns that the table lacks are no numbers.
    assert np.isnan(values[:, VALUES.index("AU04_r")]).all()


def test_landmarks_are_in_quarters_of_a_pixel_and_missing_ones_are_marked(tmp_path: Path) -> None:
    geometry = series(tmp_path, {"frame": [1], "face_id": [0], "x_0": [10.26], "y_0": [-3.0], "x_1": ["nan"]})[2]
    assert geometry[0, :4].tolist() == [41, -12, MISSING, MISSING]
    assert (geometry[0, 4:] == MISSING).all()


def test_the_heads_axes_are_projected_from_its_place(tmp_path: Path) -> None:
    pose = dict(
        zip(
            ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"),
            ([0], [0], [500], [0], [0], [0]),
            strict=True,
        )
    )
    geometry = series(tmp_path, {"frame": [1], "face_id": [0], **pose})[2]
    # A millimetre at 500 mm is a pixel of this camera; z points out of the face, to the camera.
    origin, x_end, y_end, z_end = (geometry[0, 136:144].reshape(4, 2) / 4).tolist()
    assert (origin, x_end, y_end, z_end) == ([320, 240], [320 + AXIS_MM, 240], [320, 240 + AXIS_MM], [320, 240])


def test_a_quarter_turn_of_the_head_turns_its_axes(tmp_path: Path) -> None:
    pose = dict(
        zip(
            ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"),
            ([0], [0], [500], [0], [0], [np.pi / 2]),
            strict=True,
        )
    )
    geometry = series(tmp_path, {"frame": [1], "face_id": [0], **pose})[2]
    # Roll: what pointed to the right points down in the picture.
    assert (geometry[0, 138:140] / 4).tolist() == [320, 240 + AXIS_MM]


def test_places_far_outside_stay_in_range(tmp_path: Path) -> None:
    geometry = series(tmp_path, {"frame": [1], "face_id": [0], "x_0": [1e9], "y_0": [-1e9]})[2]
    assert geometry[0, :2].tolist() == [32767, -32767]


def test_a_table_without_rows_makes_a_series_without_rows(tmp_path: Path) -> None:
    header, values, _ = series(tmp_path, {"frame": [], "face_id": [], "AU12_r": []})
    assert (header.rows, header.faces, values.shape) == (0, (), (0, len(VALUES)))
