"""Options on OpenFace's command line."""

from dataclasses import replace
from pathlib import Path

import pytest

from service.engine.command import arguments, command_for, is_followed_at_once
from service.errors import BadRequest
from tests.fixtures.jobs import engine, task

SELECTION = ["-2Dfp", "-3Dfp", "-pdmparams", "-pose", "-aus", "-gaze"]


@pytest.mark.parametrize(
    ("wanted", "command", "ending"),
    [
        (task("image", "posed"), "FaceLandmarkImg", ["-multi_view", "0"]),
        (task("image", "wild"), "FaceLandmarkImg", ["-wild", "-multi_view", "1"]),
        (task("image", "wild", multi_view="0"), "FaceLandmarkImg", ["-wild", "-multi_view", "0"]),
        (task("image", "posed", multi_view="1", faces="one"), "FaceLandmarkImg", ["-multi_view", "1"]),
        (task("video", "posed"), "FeatureExtraction", ["-multi_view", "0"]),
        (task("video", "posed", au="static"), "FeatureExtraction", ["-multi_view", "0", "-au_static"]),
        (task("video", "wild", au="static"), "FeatureExtraction", ["-wild", "-multi_view", "1", "-au_static"]),
        (task("video", "posed", faces="many"), "FaceLandmarkVidMulti", ["-multi_view", "0"]),
        (task("video", "wild", faces="many"), "FaceLandmarkVidMulti", ["-wild", "-multi_view", "1"]),
    ],
)
def test_each_task_has_its_command_line(wanted, command, ending):
    ok = engine("ok")
    argv = arguments(ok, wanted, [Path("/room/media.mp4")], Path("/room/out"), ["media"])
    start = [str(ok.bin_dir / command), "-f", "/room/media.mp4", "-out_dir", "/room/out", "-of", "media.csv"]
    assert command_for(wanted) == command
    assert argv == start + SELECTION + ending


def test_many_faces_need_an_engine_that_has_the_command():
    with pytest.raises(BadRequest, match="FaceLandmarkVidMulti"):
        arguments(engine("slow"), task("video", faces="many"), [Path("/m")], Path("/o"), ["media"])


@pytest.mark.parametrize(("faces", "is_followed"), [("8", True), ("9", True), ("10", False)])
def test_one_run_follows_as_many_faces_as_the_engine_can(faces, is_followed):
    nine = replace(engine("ok"), faces_at_most=9)
    assert is_followed_at_once(nine, task("video", faces="many", faces_at_most=faces)) == is_followed
