"""Faces in one picture, at once: by the embedded analyser in the pool, or by the installed OpenFace command."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from service.engine.command import EngineTask
from service.engine.installed import Engine
from service.engine.output import read_table
from service.engine.run import run_engine
from service.errors import BadRequest, Busy
from service.sandbox.pool import Pool
from service.sandbox.process import ChildLimits
from service.sandbox.workspace import Workspace
from service.settings import REPOSITORY, Settings

CHILD = "service.engine.lite.child"
LITE = "openface_lite"
WAITING_A_CHILD = 16
"""Questions that may wait for each child; more are told to come again."""
OPENFACE_PATIENCE_S = 5.0
FILE_BYTES = 256 << 20

DrawnAs = Literal["", ".png", ".jpg"]


@dataclass(frozen=True)
class DetectRequest:
    """What is asked about a picture.

    Attributes:
        confidence: least confidence, 0 to 1, of the faces told.
        upsample: look for small faces too.
        everything: landmarks, pose, gaze and action units besides box and key points.
        drawn_as: also the picture with the overlay, in this format; empty for none.
    """

    confidence: float
    max_faces: int
    upsample: bool = False
    everything: bool = False
    drawn_as: DrawnAs = ""


@dataclass(frozen=True)
class DetectResult:
    """The answer.

    Attributes:
        width, height: of the upright picture.
        faces: largest first, as `FaceView.told` or `FaceView.told_shortly` has them.
        drawn: the picture with the overlay, if it was wanted.
        seconds: from the question to the answer; with OpenFace, of its command alone.
    """

    engine: Engine
    width: int
    height: int
    faces: list[dict[str, Any]]
    drawn: bytes
    seconds: float


class InteractiveAnalyser:
    """Answers for as long as the process lives; its children start with the first question, or with `start`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = Pool(
            CHILD,
            children=settings.detect_processes,
            waiting=WAITING_A_CHILD * settings.detect_processes,
            time_s=settings.detect_time_limit_s,
            folder=lambda: self._opened().path,
        )
        self._openface = threading.Semaphore(settings.detect_processes)
        self._opening = threading.Lock()
        self._workspace: Workspace | None = None

    def start(self) -> None:
        """Let the children load their models now."""
        self._pool.start()

    def ping(self) -> None:
        """Raises EngineUnavailable while they do not start."""
        self._pool.ping()

    def close(self) -> None:
        """Let them go."""
        self._pool.close()
        if self._workspace:
            self._workspace.close()

    @cached_property
    def lite(self) -> Engine:
        """The embedded analyser. Raises EngineUnavailable."""
        return Engine.find(REPOSITORY / LITE / "bin")

    @cached_property
    def openface(self) -> Engine:
        """The installed OpenFace. Raises EngineUnavailable, and BadRequest where another engine is in its place."""
        engine = Engine.find(self._settings.openface_bin_dir)
        if engine.name == LITE:
            raise BadRequest(
                "OpenFace is not installed here: OPENFACE_BIN_DIR names the embedded analyser; ask without `engine`",
                "option_unavailable",
            )
        return engine

    def ask(self, picture: bytes, wanted: DetectRequest) -> DetectResult:
        """What the embedded analyser sees.

        Raises:
            MediaTooLarge, UnreadableMedia, UnsupportedMedia: the picture.
            Busy, EngineUnavailable: this server.
        """
        began = time.monotonic()
        question = {
            "do": "faces",
            "max_pixels": self._max_pixels,
            "confidence": wanted.confidence,
            "max_faces": wanted.max_faces,
            "tiles": wanted.upsample,
            "everything": wanted.everything,
            "drawn_as": wanted.drawn_as,
        }
        words, drawn = self._pool.ask(question, picture)
        return _told(self.lite, words, drawn, time.monotonic() - began)

    def ask_openface(self, picture: bytes, wanted: DetectRequest) -> DetectResult:
        """What the installed OpenFace command sees; it is started anew for each picture, which takes seconds.

        Raises:
            AnalysisError: as `ask`, and as `run_engine` and `read_table`.
        """
        engine = self.openface
        if not self._openface.acquire(timeout=OPENFACE_PATIENCE_S):
            raise Busy
        try:
            with self._opened().room() as room:
                upright, seconds, table = self._run(engine, picture, room)
        finally:
            self._openface.release()
        question = {
            "do": "table",
            "picture_bytes": len(upright),
            "max_pixels": self._max_pixels,
            "confidence": wanted.confidence,
            "max_faces": wanted.max_faces,
            "support": dict(engine.au_support),
            "drawn_as": wanted.drawn_as,
        }
        words, drawn = self._pool.ask(question, upright + table)
        return _told(engine, words, drawn, seconds)

    def _run(self, engine: Engine, picture: bytes, room: Path) -> tuple[bytes, float, bytes]:
        """The picture upright, the seconds of the command, and its table."""
        settings = self._settings
        _, upright = self._pool.ask({"do": "upright", "max_pixels": self._max_pixels}, picture)
        path = room / "picture.png"
        path.write_bytes(upright)
        task = EngineTask.resolve("image", settings.default_media_type)
        limits = ChildLimits(settings.engine_time_limit_s, settings.engine_memory_mb << 20, FILE_BYTES)
        run = run_engine(engine, task, _Picture(path), room, limits)
        table = read_table(task, run, room / "table.csv")
        return upright, run.finished.seconds, table.path.read_bytes()

    def _opened(self) -> Workspace:
        with self._opening:
            self._workspace = self._workspace or Workspace(self._settings.workspace)
            return self._workspace

    @property
    def _max_pixels(self) -> int:
        return int(self._settings.detect_max_megapixels * 1e6)


@dataclass(frozen=True)
class _Picture:
    path: Path
    frames_expected: int | None = None


def _told(engine: Engine, words: dict[str, Any], drawn: bytes, seconds: float) -> DetectResult:
    return DetectResult(engine, words["width"], words["height"], words["faces"], drawn, round(seconds, 4))
