"""Analyse one picture interactively: by the embedded analyser in a pool, or by the installed OpenFace command."""

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
from service.sandbox.memory import web_memory
from service.sandbox.pool import Pool
from service.sandbox.process import ChildLimits
from service.sandbox.workspace import Workspace
from service.settings import REPOSITORY, Settings

CHILD = "service.engine.lite.child"
LITE = "openface_lite"
WAITING_A_CHILD = 16
"""Queue length of each child; further requests are refused as busy."""
OPENFACE_PATIENCE_S = 5.0
FILE_BYTES = 256 << 20

DrawnAs = Literal["", ".png", ".jpg"]


@dataclass(frozen=True)
class DetectRequest:
    """Parameters of the analysis of one picture.

    Attributes:
        confidence: least confidence of the returned faces, 0 to 1.
        upsample: find small faces too.
        everything: return landmarks, pose, gaze and action units besides box and key points.
        drawn_as: format of the returned picture with the overlay; empty for none.
    """

    confidence: float
    max_faces: int
    upsample: bool = False
    everything: bool = False
    drawn_as: DrawnAs = ""


@dataclass(frozen=True)
class DetectResult:
    """Result of the analysis of one picture.

    Attributes:
        width, height: of the upright picture.
        faces: largest first, as `FaceView.as_dict` or `FaceView.as_found` returns them.
        drawn: the picture with the overlay; empty where it was not requested.
        seconds: duration from request to result; with OpenFace, of its command alone.
    """

    engine: Engine
    width: int
    height: int
    faces: list[dict[str, Any]]
    drawn: bytes
    seconds: float


class InteractiveAnalyser:
    """Analyses single pictures in a pool of children, which start with the first request or with `start`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._memory_mb = web_memory(settings).child_mb
        self._pool = Pool(
            CHILD,
            children=settings.detect_processes,
            waiting=WAITING_A_CHILD * settings.detect_processes,
            time_s=settings.detect_time_limit_s,
            memory_bytes=self._memory_mb << 20,
            folder=lambda: self._opened().path,
        )
        self._openface = threading.Semaphore(settings.detect_processes)
        self._opening = threading.Lock()
        self._workspace: Workspace | None = None

    def start(self) -> None:
        """Start the children, so that they load their models."""
        self._pool.start()

    def ping(self) -> None:
        """Check that the children run. Raises EngineUnavailable."""
        self._pool.ping()

    def close(self) -> None:
        """End the children, and remove the workspace."""
        self._pool.close()
        if self._workspace:
            self._workspace.close()

    @cached_property
    def lite(self) -> Engine:
        """Return the embedded analyser. Raises EngineUnavailable."""
        return Engine.find(REPOSITORY / LITE / "bin")

    @cached_property
    def openface(self) -> Engine:
        """Return the installed OpenFace. Raises EngineUnavailable, and BadRequest where another engine is installed."""
        engine = Engine.find(self._settings.openface_bin_dir)
        if engine.name == LITE:
            raise BadRequest(
                "OpenFace is not installed here: OPENFACE_BIN_DIR names the embedded analyser; ask without `engine`",
                "option_unavailable",
            )
        return engine

    def ask(self, picture: bytes, wanted: DetectRequest) -> DetectResult:
        """Analyse with the embedded analyser.

        Raises:
            MediaTooLarge, UnreadableMedia, UnsupportedMedia: the picture cannot be analysed.
            Busy, EngineUnavailable: the server cannot analyse now.
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
        summary, drawn = self._pool.ask(question, picture)
        return _result(self.lite, summary, drawn, time.monotonic() - began)

    def ask_openface(self, picture: bytes, wanted: DetectRequest) -> DetectResult:
        """Analyse with the installed OpenFace command, which is started for each picture and takes seconds.

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
        summary, drawn = self._pool.ask(question, upright + table)
        return _result(engine, summary, drawn, seconds)

    def _run(self, engine: Engine, picture: bytes, room: Path) -> tuple[bytes, float, bytes]:
        """Run the command; returns the upright picture, the command's seconds, and its table."""
        settings = self._settings
        _, upright = self._pool.ask({"do": "upright", "max_pixels": self._max_pixels}, picture)
        path = room / "picture.png"
        path.write_bytes(upright)
        task = EngineTask.resolve("image", settings.default_media_type)
        memory_mb = settings.engine_memory_mb or self._memory_mb
        limits = ChildLimits(settings.engine_time_limit_s, memory_mb << 20, FILE_BYTES)
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


def _result(engine: Engine, summary: dict[str, Any], drawn: bytes, seconds: float) -> DetectResult:
    return DetectResult(engine, summary["width"], summary["height"], summary["faces"], drawn, round(seconds, 4))
