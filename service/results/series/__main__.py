"""The child's entry: `python -m service.results.series REQUEST.json` writes a table's `series.bin`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openface_lite import Camera
from service.engine.columns import LANDMARKS_X, LANDMARKS_Y
from service.engine.csv_blocks import LINE_BYTES, blocks
from service.engine.lite.geometry import AXIS_MM, EYE_LANDMARKS, IRIS_RING
from service.results.series.layout import MISSING, PER_PIXEL, VALUES, FaceRows, Geometry, Header, Values

Numbers = NDArray[np.float64]


def main(request: dict[str, Any]) -> None:
    """Write the file."""
    stated = request["camera"]
    camera = Camera(*stated) if stated else Camera.for_size(request["width"], request["height"])
    values, geometry, faces = _read(Path(request["csv"]), camera)
    order = np.lexsort((values[:, VALUES.index("frame")], faces))
    header = Header(request["width"], request["height"], len(values), _faces(faces[order]))
    with Path(request["out"]).open("wb") as file:
        file.write(header.line())
        file.write(np.ascontiguousarray(values[order]).tobytes())
        file.write(np.ascontiguousarray(geometry[order]).tobytes())


def _read(csv: Path, camera: Camera) -> tuple[Values, Geometry, NDArray[np.int64]]:
    """Read the table block by block; a long video's is half a gigabyte."""
    values, geometry, faces = [], [], []
    with csv.open("rb") as file:
        columns = [name.strip() for name in file.readline(LINE_BYTES).decode("utf-8", "replace").split(",")]
        place = {name: index for index, name in enumerate(columns)}
        for block in blocks(file, columns):
            rows = _Rows(block.values, place)
            values.append(rows.named(VALUES).astype(np.float32))
            geometry.append(_geometry(rows, camera))
            # A picture's rows are faces; a video's are frames of faces.
            number = "face" if "face" in place else "face_id"
            faces.append(np.nan_to_num(rows.named((number,))[:, 0]).astype(np.int64))
    if not values:
        return np.empty((0, len(VALUES)), np.float32), np.empty((0, 0), np.int16), np.empty(0, np.int64)
    return np.concatenate(values), np.concatenate(geometry), np.concatenate(faces)


class _Rows:
    """Rows of the table; columns that it lacks are nan."""

    def __init__(self, values: Numbers, place: dict[str, int]) -> None:
        self._values = np.column_stack([values, np.full(len(values), np.nan)])
        self._place = place

    def named(self, names: tuple[str, ...]) -> Numbers:
        return self._values[:, [self._place.get(name, -1) for name in names]]


def _geometry(rows: _Rows, camera: Camera) -> Geometry:
    """Project landmarks, head axes and lines of sight of all rows at once, as `FaceGeometry` does for one."""
    landmarks = np.stack([rows.named(LANDMARKS_X), rows.named(LANDMARKS_Y)], axis=-1)
    head = rows.named(("pose_Tx", "pose_Ty", "pose_Tz"))
    # Columns of the rotation are the head's axes; z points out of the face.
    axes = _rotations(rows.named(("pose_Rx", "pose_Ry", "pose_Rz"))).transpose(0, 2, 1) * np.array([[1], [1], [-1]])
    ends = np.concatenate([head[:, None], head[:, None] + AXIS_MM * axes], axis=1)
    sight = rows.named(tuple(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz")).reshape(-1, 2, 3)
    names = tuple(f"eye_lmk_{axis}_{i}" for i in range(EYE_LANDMARKS) for axis in "XYZ")
    irises = rows.named(names).reshape(-1, 2, EYE_LANDMARKS // 2, 3)[:, :, IRIS_RING].mean(axis=2)
    eyes = np.stack([irises, irises + AXIS_MM * sight], axis=2)
    parts = [landmarks, _project(ends, camera), _project(eyes, camera)]
    pixels = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    steps = np.rint(pixels * PER_PIXEL)
    largest = float(np.iinfo(np.int16).max)
    kept = np.clip(np.nan_to_num(steps), -largest, largest)
    return np.where(np.isfinite(steps), kept, MISSING).astype(np.int16)


def _rotations(angles: Numbers) -> Numbers:
    """Compute OpenFace's rotations R = Rx · Ry · Rz, (n, 3, 3), from radians (n, 3)."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(angles).T, np.cos(angles).T
    rows = [
        [cy * cz, -cy * sz, sy],
        [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
        [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)


def _project(points_mm: Numbers, camera: Camera) -> Numbers:
    flat = points_mm.reshape(-1, 3)
    # A point at or behind the camera has no place in the picture; a face is never that near.
    near = np.column_stack([flat[:, :2], np.maximum(flat[:, 2], 1.0)])
    return np.asarray(camera.project(near), np.float64).reshape(*points_mm.shape[:-1], 2)


def _faces(ordered: NDArray[np.int64]) -> tuple[FaceRows, ...]:
    ids, first, counts = np.unique(ordered, return_index=True, return_counts=True)
    found = [FaceRows(int(i), int(f), int(n)) for i, f, n in zip(ids, first, counts, strict=True)]
    return tuple(sorted(found, key=lambda face: -face.rows))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
