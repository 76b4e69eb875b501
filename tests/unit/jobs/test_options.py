"""The options of an analysis: filled in as the commands would, and one model for route, commands and job."""

from __future__ import annotations

import dataclasses

import click
import pytest

from service.cli.analyse import analyse
from service.cli.submit import submit
from service.errors import BadRequest
from service.jobs.media_kind import Media
from service.jobs.options import OPTION_NAMES, JobOptions, choices
from service.web.routes.analyse import AnalyseQuery


@pytest.mark.parametrize(
    ("media", "media_type", "given", "resolved"),
    [
        ("image", "posed", {}, ("many", "static", False)),
        ("image", "wild", {}, ("many", "static", True)),
        ("image", "wild", {"faces": "one"}, ("one", "static", True)),
        ("video", "posed", {}, ("one", "dynamic", False)),
        ("video", "posed", {"faces": "many"}, ("many", "static", False)),
        ("video", "wild", {"au": "static", "multi_view": "0"}, ("one", "static", False)),
    ],
)
def test_missing_options_are_filled_in_as_the_commands_would(
    media: str, media_type: str, given: dict[str, str], resolved: tuple[str, str, bool]
) -> None:
    options = JobOptions.resolve(media, media_type, given)  # type: ignore[arg-type]
    assert (options.faces, options.au, options.multi_view) == resolved


@pytest.mark.parametrize(
    ("media", "given", "code", "says"),
    [
        ("video", {"speed": "2"}, "unknown_option", "known: faces, au, multi_view, overlay, gallery"),
        ("video", {"faces": "two"}, "bad_option", "one, many"),
        ("image", {"au": "dynamic"}, "bad_option", "always au=static"),
        ("video", {"faces": "many", "au": "dynamic"}, "bad_option", "always au=static"),
        ("image", {"gallery": "staff"}, "option_unavailable", "no galleries"),
        ("image", {"fx": "500"}, "bad_option", "fx with fy"),
        ("image", {"fx": "nan", "fy": "500"}, "bad_option", "fx"),
        ("image", {"camera": "exif", "cx": "1", "cy": "1"}, "bad_option", "exclude"),
        ("video", {"camera": "exif"}, "bad_option", "photos"),
        ("image", {"start": "1"}, "bad_option", "frames of a video"),
        ("image", {"every": "2"}, "bad_option", "frames of a video"),
        ("video", {"start": "3", "end": "3"}, "bad_option", "after the start"),
        ("video", {"every": "0"}, "bad_option", "every"),
        ("image", {"region": "1,2,3"}, "bad_option", "x,y,w,h"),
        ("image", {"region": "-1,2,300,300"}, "bad_option", "0 or more"),
        ("image", {"region": "0,0,15,300"}, "bad_option", "16 or more"),
        ("video", {"end": "10000000.5"}, "bad_option", "end"),
        ("video", {"start": "-0.5"}, "bad_option", "start"),
        ("video", {"every": "1000001"}, "bad_option", "every"),
        ("image", {"fx": "1000000.5", "fy": "500"}, "bad_option", "fx"),
        ("image", {"cx": "1", "cy": "0"}, "bad_option", "cy"),
        ("video", {"faces": "many", "faces_at_most": "26"}, "bad_option", "faces_at_most"),
    ],
)
def test_unavailable_options_are_refused(media: Media, given: dict[str, str], code: str, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        JobOptions.resolve(media, "wild", given)
    assert caught.value.code == code
    assert says in caught.value.message


def test_numbers_are_one_value_however_they_are_written() -> None:
    one = {"fx": "500", "fy": "500.0", "start": "1", "end": "2.50", "every": "2", "region": "0, 10,64,64"}
    other = {"fx": "5e2", "fy": "500", "start": "1.0", "end": "2.5", "every": "2", "region": "0,10,64,64"}
    assert JobOptions.resolve("video", "wild", one) == JobOptions.resolve("video", "wild", other)


def test_values_that_change_nothing_are_the_defaults() -> None:
    plain = JobOptions.resolve("video", "wild", {})
    assert JobOptions.resolve("video", "wild", {"start": "0", "every": "1", "region": ""}) == plain
    assert set(plain.as_dict()) == {"faces", "au", "multi_view", "overlay", "gallery"}


def test_the_job_has_the_fields_of_the_request() -> None:
    assert tuple(field.name for field in dataclasses.fields(JobOptions)) == OPTION_NAMES


def test_the_route_takes_the_same_options() -> None:
    assert set(AnalyseQuery.model_fields) == {*OPTION_NAMES, "blob", "callback", "cursor", "study"}


@pytest.mark.parametrize("command", [analyse, submit])
def test_the_commands_take_the_same_values(command: click.Command) -> None:
    found = {each.name: each.type for each in command.params if each.name in OPTION_NAMES}
    assert set(OPTION_NAMES) - {"gallery"} <= found.keys()
    for name, kind in found.items():
        if isinstance(kind, click.Choice):
            assert tuple(kind.choices) == choices(str(name))


def test_the_largest_values_are_taken() -> None:
    largest = {"fx": "1000000", "fy": "1000000", "start": "0", "end": "10000000", "every": "1000000"}
    resolved = JobOptions.resolve("video", "wild", largest)
    assert (resolved.fx, resolved.end, resolved.every) == (1e6, 1e7, 10**6)
    assert JobOptions.resolve("video", "wild", {"faces": "many", "faces_at_most": "25"}).faces_at_most == 25
