"""What the children of interactive analyses are asked, and which engine answers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from service.engine.lite import interactive
from service.engine.lite.interactive import LITE, DetectRequest, InteractiveAnalyser
from service.errors import BadRequest, Busy
from service.settings import Settings
from tests.fixtures.jobs import FAKES

WANTED = DetectRequest(confidence=0.3, max_faces=5, upsample=True, everything=True, drawn_as=".png")
SUMMARY = {"width": 8, "height": 6, "faces": [{"box": [0, 0, 1, 1]}]}


class Children:
    """Stand-in of the pool of children: answers each question alike, and notes it."""

    def __init__(self, *_: object, **more: Any) -> None:
        self.asked: list[tuple[dict[str, Any], bytes]] = []
        self.folder: Callable[[], Path] = more["folder"]
        self.waiting: int = more["waiting"]
        self.is_closed = False
        POOLS.append(self)

    def ask(self, question: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        self.asked.append((question, body))
        return SUMMARY, UPRIGHT if question["do"] == "upright" else b"drawn"

    def close(self) -> None:
        self.is_closed = True


POOLS: list[Children] = []
UPRIGHT = cv2.imencode(".png", np.zeros((6, 8, 3), np.uint8))[1].tobytes()


@pytest.fixture
def analyser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., InteractiveAnalyser]]:
    monkeypatch.setattr(interactive, "Pool", Children)
    monkeypatch.setattr(interactive, "OPENFACE_PATIENCE_S", 0.01)
    POOLS.clear()

    def made(**settings: str) -> InteractiveAnalyser:
        given = {"WORKSPACE": str(tmp_path / "workspace"), "DETECT_PROCESSES": "1", "DETECT_MAX_MEGAPIXELS": "2.5"}
        return closing.enter_context(contextlib.closing(InteractiveAnalyser(Settings.load(given | settings))))

    with contextlib.ExitStack() as closing:
        yield made


def test_the_embedded_analyser_is_asked_for_what_is_wanted(analyser: Callable[..., InteractiveAnalyser]) -> None:
    own = analyser()
    result = own.ask(b"picture", WANTED)
    question = {
        "do": "faces",
        "max_pixels": 2_500_000,
        "confidence": 0.3,
        "max_faces": 5,
        "tiles": True,
        "everything": True,
        "drawn_as": ".png",
    }
    assert POOLS[0].asked == [(question, b"picture")]
    assert (result.width, result.height, result.faces, result.drawn) == (8, 6, SUMMARY["faces"], b"drawn")
    assert result.engine.name == own.lite.name == LITE
    assert 0 <= result.seconds < 60


def test_openface_is_refused_where_it_is_not_installed(analyser: Callable[..., InteractiveAnalyser]) -> None:
    with pytest.raises(BadRequest, match="OpenFace is not installed") as refused:
        analyser().ask_openface(b"picture", WANTED)
    assert refused.value.code == "option_unavailable"


def test_openface_measures_the_upright_picture_and_its_table_is_read_by_a_child(
    analyser: Callable[..., InteractiveAnalyser],
) -> None:
    own = analyser(OPENFACE_BIN_DIR=str(FAKES / "ok"))
    result = own.ask_openface(b"picture", WANTED)
    (first, _), (second, body) = POOLS[0].asked
    assert (first["do"], second["do"], second["picture_bytes"]) == ("upright", "table", len(UPRIGHT))
    assert body.startswith(UPRIGHT + b"face,")
    assert result.engine.name != LITE


def test_openface_runs_once_a_process_at_a_time(analyser: Callable[..., InteractiveAnalyser]) -> None:
    own = analyser(OPENFACE_BIN_DIR=str(FAKES / "ok"))
    runs, let_go = threading.Event(), threading.Event()

    def ask(question: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        runs.set()
        assert let_go.wait(10)
        raise BadRequest("the end")

    POOLS[0].ask = ask  # type: ignore[method-assign]

    def first() -> None:
        with pytest.raises(BadRequest, match="the end"):
            own.ask_openface(b"picture", WANTED)

    thread = threading.Thread(target=first)
    thread.start()
    assert runs.wait(10)
    with pytest.raises(Busy):
        own.ask_openface(b"picture", WANTED)
    let_go.set()
    thread.join()
    # A run that failed has freed its place.
    first()


def test_a_workspace_is_made_once_and_removed_at_the_end(analyser: Callable[..., InteractiveAnalyser]) -> None:
    own = analyser()
    folder = POOLS[0].folder()
    assert folder == POOLS[0].folder()
    assert folder.is_dir()
    own.close()
    assert not folder.exists()
    assert POOLS[0].is_closed
