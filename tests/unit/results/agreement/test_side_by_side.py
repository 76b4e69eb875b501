"""Rows of two tables that show the same face: by frame or time, and the nearest face of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from service.engine.columns import columns_for
from service.jobs.media_kind import Media
from service.results.agreement.side_by_side import Rows, lay_side_by_side, read_rows


def rows(media: Media, *given: Mapping[str, float]) -> Rows:
    columns = columns_for(media)
    values = np.full((len(given), len(columns)), np.nan)
    for place, row in enumerate(given):
        for name, value in row.items():
            values[place, columns.index(name)] = value
    return Rows(media, values)


def frames(times: Sequence[float], success: float = 1.0) -> Rows:
    return rows(
        "video", *({"frame": i + 1, "face_id": 0, "timestamp": t, "success": success} for i, t in enumerate(times))
    )


def face(left: float, confidence: float = 0.9) -> dict[str, float]:
    """A face of a picture whose outer eye corners are 20 pixels apart."""
    points = {f"{axis}_{i}": left if axis == "x" else 0.0 for axis in "xy" for i in range(68)}
    return {"confidence": confidence} | points | {"x_45": left + 20}


def test_tables_that_end_with_one_frame_are_paired_by_frame() -> None:
    found = lay_side_by_side(frames([0, 0.04, 0.08]), frames([0, 0.05, 0.1]))
    assert (found.paired_by, found.both, found.rows.tolist()) == ("frame", 3, [[0, 0], [1, 1], [2, 2]])


def test_tables_of_other_lengths_are_paired_by_time() -> None:
    # The engine measured every second frame.
    found = lay_side_by_side(frames([0, 0.04, 0.08, 0.12]), frames([0, 0.08]))
    assert (found.paired_by, found.rows.tolist()) == ("timestamp", [[0, 0], [2, 1]])
    assert (found.frames, found.frames_reference_only, found.frames_engine_only) == (2, 2, 0)


def test_a_frame_without_success_is_a_frame_without_a_face() -> None:
    found = lay_side_by_side(frames([0, 0.04]), frames([0, 0.04], success=0.0))
    assert (found.reference_alone, found.both, found.neither, len(found.rows)) == (2, 0, 0, 0)


def test_each_face_is_paired_with_the_nearest_and_only_once() -> None:
    found = lay_side_by_side(rows("image", face(0), face(15)), rows("image", face(14), face(100)))
    # 14 is nearer to 15 than to 0; 100 is farther from all than the eyes are apart.
    assert (found.rows.tolist(), found.faces_reference, found.faces_engine) == ([[1, 0]], 2, 2)


def test_faces_below_the_gate_are_not_compared() -> None:
    found = lay_side_by_side(rows("image", face(0)), rows("image", face(0, confidence=0.74)))
    assert (found.reference_alone, len(found.rows)) == (1, 0)


@pytest.mark.parametrize("media", ["image", "video"])
def test_a_missing_table_is_one_without_faces(media: Media) -> None:
    nothing = read_rows(None, media)
    found = lay_side_by_side(nothing, nothing)
    assert (found.both, found.reference_alone, found.engine_alone, len(found.rows)) == (0, 0, 0, 0)
