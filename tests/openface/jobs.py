"""Jobs, engines and rooms for these tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from service.engine.installed import Engine
from service.jobs.job import AnalysisJob, JobOptions
from service.sandbox.process import ChildLimits

FAKES = Path(__file__).resolve().parents[1] / "fake_openface"
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "facts" / "openface-samples"
LIMITS = ChildLimits(time_s=60, memory_bytes=4 << 30, file_bytes=1 << 30)


def job(media: str = "image", media_type: str = "posed", **options: str) -> AnalysisJob:
    name = "a.jpg" if media == "image" else "a.mp4"
    return AnalysisJob("box", name, "0x1", media, media_type, JobOptions.resolve(media, media_type, options))


def engine(behaviour: str) -> Engine:
    return Engine.find(FAKES / behaviour)


@dataclass(frozen=True)
class Item:
    """Prepared media, as `analyse` takes it."""

    path: Path
    frames_expected: int | None
