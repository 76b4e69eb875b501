"""`agree`: two engines over the same files, and the distance between their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.settings import REPOSITORY
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import clip
from tests.integration.cli.conftest import CommandLine

LITE, EXAMPLE = REPOSITORY / "openface_lite" / "bin", REPOSITORY / "examples" / "engine"


@pytest.fixture
def two_engines(tmp_path: Path) -> CommandLine:
    return CommandLine(
        {
            "WORKSPACE": str(tmp_path / "workspace"),
            "OPENFACE_BIN_DIR": str(LITE),
            "ENGINES_AVAILABLE": f"again={LITE},toy={EXAMPLE}",
        }
    )


def test_an_engine_agrees_with_itself(two_engines: CommandLine, tmp_path: Path) -> None:
    done = two_engines("agree", str(ASTRONAUT), "--engines", "own,again", "--out", str(tmp_path / "out"), "--json")
    assert done.exit_code == 0, done.stderr
    pictures = json.loads(done.stdout)["pictures"]
    assert (pictures["frames"]["both"], pictures["frames"]["faces_compared"]) == (1, 1)
    assert {each["mean"] for each in pictures["errors"]} <= {0.0, None}
    assert {each["mae"] for each in pictures["action_units"]} <= {0.0, None}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"own", "again"}


def test_two_engines_differ_by_landmarks_and_by_what_is_not_measured(two_engines: CommandLine, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = two_engines("agree", str(ASTRONAUT), "--engines", "own,toy", "--json", "--report", str(page))
    assert done.exit_code == 0, done.stderr
    pictures = json.loads(done.stdout)["pictures"]
    landmarks = next(each for each in pictures["errors"] if (each["group"], each["what"]) == ("landmarks", "all 68"))
    # The toy's points have fixed places in the detector's box: on the face, and far from exact.
    assert 3 < landmarks["mean"] < 60
    assert all(each["n"] == 0 for each in pictures["action_units"])
    assert f"<td>{landmarks['mean']:.2f}</td>" in page.read_text("utf-8")


def test_a_file_that_cannot_be_read_is_named_and_fails_the_command(two_engines: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "grey.mp4").write_bytes(clip(frames=4))
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    done = two_engines("agree", str(tmp_path / "grey.mp4"), str(tmp_path / "bad.jpg"), "--engines", "own,again")
    assert done.exit_code == 1
    assert "not compared: bad.jpg" in done.stderr
    assert "videos: 1 files, 4 frames, 0 faces compared; a face in both in 0 frames" in done.stdout


@pytest.mark.parametrize("names", ["own", "own,own", "a,b,c"])
def test_two_different_names_are_needed(two_engines: CommandLine, names: str) -> None:
    assert two_engines("agree", str(ASTRONAUT), "--engines", names).exit_code == 2
