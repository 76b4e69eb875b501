"""Regions and parts as they are written, and as decoders are asked for them."""

from __future__ import annotations

import pytest

from service.errors import OptionDoesNotFit
from service.jobs.part import SMALLEST_REGION, WHOLE, Part, Region

LEAST = SMALLEST_REGION


def test_a_region_is_read_as_it_is_written() -> None:
    region = Region.parse(" 0,1, 20 ,999999")
    assert region == Region(0, 1, 20, 999999)
    assert Region.parse(str(region)) == region
    assert Region.parse(f"0,0,{LEAST},{LEAST}").width == LEAST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,20",
        "1,2,20,20,20",
        "a,2,20,20",
        "1.5,2,20,20",
        "-1,2,20,20",
        "1,-2,20,20",
        f"1,2,{LEAST - 1},20",
        f"1,2,20,{LEAST - 1}",
        "1,2,1000000,20",
        "1000000,1,2,20,20",
    ],
)
def test_another_text_is_no_region(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|or more|invalid literal"):
        Region.parse(text)


@pytest.mark.parametrize(("width", "height", "is_inside"), [(30, 40, True), (29, 40, False), (30, 39, False)])
def test_a_region_lies_inside_the_picture_up_to_its_edges(width: int, height: int, is_inside: bool) -> None:
    region = Region(10, 20, 20, 20)
    if is_inside:
        region.check_inside(width, height)
    else:
        with pytest.raises(OptionDoesNotFit, match=f"10,20,20,20 .* {width} . {height} "):
            region.check_inside(width, height)


@pytest.mark.parametrize(
    ("part", "chooses"),
    [
        (WHOLE, False),
        (Part(region=Region(0, 0, 20, 20)), False),
        (Part(start_s=0.001), True),
        (Part(end_s=0.0), True),
        (Part(every=2), True),
    ],
)
def test_a_part_knows_whether_it_chooses_frames_and_is_asked_for_unchanged(part: Part, chooses: bool) -> None:
    assert part.chooses_frames is chooses
    assert part.is_whole is (part == WHOLE)
    assert Part.of_request(part.as_request()) == part
