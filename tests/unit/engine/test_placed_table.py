"""The table of a part in the numbers of the file and in the coordinates of the whole picture."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from service.engine.columns import IMAGE_COLUMNS, VIDEO_COLUMNS
from service.engine.csv_blocks import header_line
from service.engine.placed_table import number_frames, place_table
from service.engine.table import Table
from service.jobs.media_kind import Media
from service.jobs.part import Part, Region
from service.sandbox.media import Probe
from service.sandbox.preparation import Prepared
from tests.unit.engine.test_running_stats import measured, rows

REGION = Region(100, 30, 64, 48)
ACROSS = ("x_0", "x_67", "eye_lmk_x_0", "eye_lmk_x_55", "p_tx")
DOWN = ("y_0", "y_67", "eye_lmk_y_0", "eye_lmk_y_55", "p_ty")


def placed(
    folder: Path,
    *given: dict[str, str],
    numbers: Sequence[int] | None = None,
    region: Region | None = None,
    media: Media = "video",
) -> list[dict[str, str]]:
    """Place rows whose other cells are `0.50`, and read them again."""
    columns = IMAGE_COLUMNS if media == "image" else VIDEO_COLUMNS
    lines = [",".join((dict.fromkeys(columns, "0.50") | row).values()) + "\n" for row in given]
    (folder / "table.csv").write_bytes(header_line(columns) + "".join(lines).encode())
    own = array("q", numbers) if numbers is not None else None
    prepared = Prepared(folder / "media", cast(Probe, None), 1, part=Part(region=region), numbers=own)
    table = Table(folder / "table.csv", len(given), len(columns), "", 0, 1, 1, 1, 1, measured(rows(1)))
    made = place_table(table, media, prepared, folder / "placed.csv")
    text = made.path.read_bytes()
    assert (made.bytes, made.sha256) == (len(text), hashlib.sha256(text).hexdigest())
    head, *cells = text.decode().splitlines()
    assert head.encode() + b"\n" == header_line(columns)
    return [dict(zip(columns, line.split(","), strict=True)) for line in cells]


def test_pixels_move_with_the_region_and_nothing_else_does(tmp_path: Path) -> None:
    [row] = placed(tmp_path, {"frame": "1"}, region=REGION)
    moved = {name: cell for name, cell in row.items() if cell != "0.50" and name != "frame"}
    assert {moved[name] for name in ACROSS} == {"100.50"}
    assert {moved[name] for name in DOWN} == {"30.50"}
    pixels = {name for name in VIDEO_COLUMNS if name.startswith(("x_", "y_", "eye_lmk_x_", "eye_lmk_y_", "p_t"))}
    assert set(moved) == pixels


@pytest.mark.parametrize(("cell", "moved"), [("7", "107"), ("-100.25", "-0.25"), ("1.5", "101.5"), ("", "")])
def test_a_moved_value_keeps_its_decimals_and_an_empty_one_stays(tmp_path: Path, cell: str, moved: str) -> None:
    [row] = placed(tmp_path, {"x_3": cell}, region=REGION, media="image")
    assert row["x_3"] == moved


def test_frames_have_their_numbers_in_the_file_and_later_ones_count_on(tmp_path: Path) -> None:
    frames = placed(tmp_path, *({"frame": str(number)} for number in (1, 2, 3, 4)), numbers=[11, 15])
    assert [row["frame"] for row in frames] == ["11", "15", "16", "17"]
    assert {row["x_0"] for row in frames} == {"0.50"}


def test_people_have_the_frames_of_the_file() -> None:
    entry = {"first_frame": 1, "last_frame": 3}
    people = {"people": [dict(entry)], "tracks": [dict(entry)]}
    number_frames(people, [5, 7, 9])
    assert people["people"] == people["tracks"] == [{"first_frame": 5, "last_frame": 9}]
