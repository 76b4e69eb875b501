"""Tiles of a meeting's grid, their joined table, and the bounded archive of crops: no engine is run."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from service.engine import aligned_crops
from service.engine.aligned_crops import pack_crops
from service.engine.columns import VIDEO_COLUMNS
from service.engine.csv_blocks import header_line
from service.engine.tiles import grid, join_tables
from service.jobs.options import JobOptions


def table(path: Path, *rows: tuple[int, int, float]) -> Path:
    """A table of frame, face and x_0."""
    lines = []
    for frame, face, x in rows:
        cells = {"frame": frame, "face_id": face, "timestamp": 0.04 * frame, "confidence": 0.98, "success": 1, "x_0": x}
        lines.append(",".join(f"{cells.get(name, 0):.10g}" for name in VIDEO_COLUMNS).encode() + b"\n")
    path.write_bytes(header_line(VIDEO_COLUMNS) + b"".join(lines))
    return path


@pytest.mark.parametrize(
    ("faces", "size", "across", "down"),
    [
        (5, (960, 540), 3, 2),
        (6, (960, 540), 3, 2),
        (9, (960, 540), 3, 3),
        (12, (540, 960), 3, 4),
        (25, (641, 359), 5, 5),
    ],
)
def test_grid_covers_the_picture_once(faces, size, across, down):
    tiles = grid(faces, *size)
    assert len(tiles) == across * down >= faces
    covered = np.zeros(size[::-1], int)
    for tile in tiles:
        covered[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
    assert (covered == 1).all()


def test_joined_table_is_in_the_order_of_frames_with_faces_of_their_own(tmp_path):
    first = table(tmp_path / "a.csv", (1, 0, 10), (1, 1, 11), (3, 0, 12))
    second = table(tmp_path / "b.csv", (1, 0, 20), (2, 3, 21), (3, 0, 22))
    joined = join_tables([first, second], tmp_path / "joined.csv")
    lines = [line.split(",") for line in joined.path.read_text().splitlines()[1:]]
    x = VIDEO_COLUMNS.index("x_0")
    assert [(line[0], line[1], line[x]) for line in lines] == [
        ("1", "0", "10"),
        ("1", "1", "11"),
        ("1", "4", "20"),
        ("2", "7", "21"),
        ("3", "0", "12"),
        ("3", "4", "22"),
    ]
    assert (joined.rows, joined.faces, joined.most_at_once, joined.frames_written) == (6, 4, 3, 3)


def test_archive_is_bounded_and_says_so(tmp_path, monkeypatch):
    crops = tmp_path / "crops"
    crops.mkdir()
    rows = table(tmp_path / "t.csv", *((frame, 0, 0) for frame in range(1, 6)))
    for frame in (1, 2, 3, 4):
        (crops / f"frame_det_00_{frame:06}.png").write_bytes(b"crop %d" % frame)
    numbers = [10, 20, 30, 40, 50]
    whole = pack_crops("video", [crops], rows, numbers, tmp_path / "whole.zip")
    assert (whole.crops, whole.of, whole.reason) == (4, 5, "the engine drew no crop for 1 of 5 rows")
    monkeypatch.setattr(aligned_crops, "MOST_CROPS", 2)
    cut = pack_crops("video", [crops], rows, numbers, tmp_path / "cut.zip")
    assert (cut.crops, cut.of) == (2, 5)
    assert cut.reason and "the first 2 of 5 are in it" in cut.reason
    with zipfile.ZipFile(tmp_path / "cut.zip") as archive:
        assert archive.namelist() == ["frame_det_00_000010.png", "frame_det_00_000020.png", "index.csv"]
        assert archive.read("frame_det_00_000020.png") == b"crop 2"
        assert archive.read("index.csv").decode().splitlines()[1] == "frame_det_00_000010.png,0,10,0.04,0.98"


def test_defaults_are_in_no_identity():
    options = JobOptions.resolve("video", "wild", {"faces": "many", "faces_at_most": "4", "aligned": "0"})
    assert options.as_dict().keys() == {"faces", "au", "multi_view", "overlay", "gallery"}
    assert options == JobOptions.resolve("video", "wild", {"faces": "many"})
    assert JobOptions.resolve("video", "wild", {"faces": "many", "faces_at_most": "9"}).schema == 2
