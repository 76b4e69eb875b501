"""The header of `series.bin`, and the sizes by which its parts are found."""

from __future__ import annotations

import pytest

from service.results.series.layout import GEOMETRY, VALUES, FaceRows, Header, geometry_bytes, value_bytes

HEADER = Header(640, 480, 5, (FaceRows(1, 2, 3), FaceRows(0, 0, 2)))


def test_a_header_is_read_as_it_was_written_and_ends_where_the_values_begin() -> None:
    line = HEADER.line()
    assert Header.parse(line + b"\n{values") == (HEADER, len(line))


@pytest.mark.parametrize(
    "start",
    [
        b"",
        HEADER.line()[:-1],
        HEADER.line().replace(b'"format": 1', b'"format": 2'),
        HEADER.line().replace(b'"AU12_r"', b'"AU98_r"'),
    ],
)
def test_a_file_of_another_format_or_without_a_whole_header_is_none(start: bytes) -> None:
    assert Header.parse(start) is None


def test_a_row_has_four_bytes_a_value_and_two_a_coordinate() -> None:
    # 68 landmarks, origin and three ends of the head's axes, two ends of two lines of sight: x and y of each.
    assert GEOMETRY == 2 * (68 + 4 + 4)
    assert (value_bytes(3), geometry_bytes(3)) == (3 * 4 * len(VALUES), 3 * 2 * 152)
