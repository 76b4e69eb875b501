"""Build OpenFace's command lines.

The only place for options: OpenFace ignores a misspelt one in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.engine.camera import Camera
from service.engine.installed import Engine
from service.jobs.job import AnalysisJob
from service.jobs.media_kind import Media, MediaType
from service.jobs.options import FACES_FOLLOWED, JobOptions

ALL_COLUMNS = ("-2Dfp", "-3Dfp", "-pdmparams", "-pose", "-aus", "-gaze")
"""The column groups; naming them switches off HOG features, face crops and a drawn copy, which would fill the disk."""
ALIGNED = ("-simalign", "-nobadaligned", "-format_aligned", "png")
"""Level crops of faces, none of frames without one; PNG takes half the disk of OpenFace's own BMP."""


@dataclass(frozen=True)
class EngineTask:
    """How an engine is to measure, apart from which media item.

    Attributes:
        camera: None leaves it to the engine's guess.
    """

    media: Media
    media_type: MediaType
    options: JobOptions
    camera: Camera | None = None

    @classmethod
    def of(cls, job: AnalysisJob, camera: Camera | None = None) -> EngineTask:
        return cls(job.kind, job.media_type, job.options, camera)

    @classmethod
    def resolve(cls, media: Media, media_type: MediaType, given: Mapping[str, str] | None = None) -> EngineTask:
        """Fill in the options that are not given. Raises BadRequest."""
        return cls(media, media_type, JobOptions.resolve(media, media_type, given or {}))


def command_for(task: EngineTask) -> str:
    """Choose the command that measures this kind of media."""
    if task.media == "image":
        return "FaceLandmarkImg"
    return "FaceLandmarkVidMulti" if task.options.faces == "many" else "FeatureExtraction"


def arguments(
    engine: Engine, task: EngineTask, media: Sequence[Path], out_dir: Path, stems: Sequence[str]
) -> list[str]:
    """Return the whole argument list, the executable first.

    Args:
        media: absolute paths of the input files, several only of pictures; a folder of pictures is one sequence.
        out_dir: absolute path of a fresh folder for the results.
        stems: names of the results in the order of `media`, of letters, digits and dashes only.

    Raises:
        BadRequest: this engine lacks the command that the options need.
    """
    argv = [str(engine.executable(command_for(task)))]
    for path in media:
        argv += ["-fdir" if path.is_dir() else "-f", str(path)]
    argv += ["-out_dir", str(out_dir)]
    for stem in stems:
        argv += ["-of", f"{stem}.csv"]
    argv += flags(task)
    if is_followed_at_once(engine, task) and task.options.faces_at_most != FACES_FOLLOWED:
        # OpenFace does not know this option.
        argv += ["-faces_at_most", str(task.options.faces_at_most)]
    return argv


def is_followed_at_once(engine: Engine, task: EngineTask) -> bool:
    """Whether one run of the engine follows as many faces as the job asks for."""
    return command_for(task) != "FaceLandmarkVidMulti" or task.options.faces_at_most <= engine.faces_at_most


def flags(task: EngineTask) -> list[str]:
    """Return the options that decide the numbers; pictures with equal flags can share a process."""
    chosen = list(ALL_COLUMNS)
    if task.media_type == "wild":
        chosen.append("-wild")
    # After -wild, which would override it.
    chosen += ["-multi_view", "1" if task.options.multi_view else "0"]
    if command_for(task) == "FeatureExtraction" and task.options.au == "static":
        chosen.append("-au_static")
    if task.options.aligned:
        chosen += ALIGNED
    return chosen + (task.camera.as_flags() if task.camera else [])
