"""One request to a child started for it: what its end says of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import EngineUnavailable, MediaTooLarge, UnreadableMedia, WorkspaceFull
from service.sandbox.call import DecoderKilled, ask
from service.sandbox.confinement import NOTHING_ELSE
from service.sandbox.process import ChildLimits

ENTRY = "tests.fixtures.odd_decoder"
LIMITS = ChildLimits(time_s=20, memory_bytes=2 << 30, file_bytes=1 << 20)


def _ask(folder: Path, do: str) -> dict[str, object]:
    return ask({"do": do}, folder / "child", LIMITS, lambda: None, access=NOTHING_ELSE, entry=ENTRY)


def test_an_answer_comes_back(tmp_path: Path) -> None:
    assert _ask(tmp_path, "answer") == {"frames": 1}


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        ("refuse", MediaTooLarge, "too large for me"),
        ("cancel", UnreadableMedia, "could not be read by its decoder"),
        ("crash", UnreadableMedia, "SIGSEGV"),
        ("fill the disk", WorkspaceFull, "disk"),
        ("take all memory", MediaTooLarge, "more memory"),
        ("miss a module", EngineUnavailable, "ModuleNotFoundError"),
        ("a list", UnreadableMedia, "cannot be read"),
        ("no json", UnreadableMedia, "cannot be read"),
        ("nested", UnreadableMedia, "cannot be read"),
        ("long", UnreadableMedia, "cannot be read"),
        ("an error of another tree", UnreadableMedia, "not mine to say"),
    ],
)
def test_an_end_without_answer_is_a_known_error(tmp_path: Path, do: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as found:
        _ask(tmp_path, do)
    assert type(found.value) is error


@pytest.mark.parametrize("do", ["be killed", "be ended"])
def test_a_killed_decoder_is_no_fault_of_the_file_until_the_last_attempt(tmp_path: Path, do: str) -> None:
    with pytest.raises(DecoderKilled) as found:
        _ask(tmp_path, do)
    assert found.value.retryable
    assert found.value.code == UnreadableMedia.code
