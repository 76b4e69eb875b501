"""What is asked, as an OpenFace command line.

The only place for options: OpenFace ignores a misspelt one in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from service.engine.installed import Engine
from service.jobs.job import AnalysisJob

ALL_COLUMNS = ("-2Dfp", "-3Dfp", "-pdmparams", "-pose", "-aus", "-gaze")
"""Naming these switches the rest off: HOG features, face crops and a drawn copy would fill the disk."""


def command_for(job: AnalysisJob) -> str:
    """The command that measures this media."""
    if job.media == "image":
        return "FaceLandmarkImg"
    return "FaceLandmarkVidMulti" if job.options.faces == "many" else "FeatureExtraction"


def arguments(engine: Engine, job: AnalysisJob, media: Path, out_dir: Path, stem: str) -> list[str]:
    """The whole argument list, the executable first.

    Args:
        media: absolute path of what is measured.
        out_dir: absolute path of a fresh folder for the results.
        stem: name of the results, of letters, digits and dashes only.

    Raises:
        BadRequest: this engine does not have the command that the options need.
    """
    return batch_arguments(engine, job, [media], out_dir, [stem])


def batch_arguments(
    engine: Engine, job: AnalysisJob, pictures: Sequence[Path], out_dir: Path, stems: Sequence[str]
) -> list[str]:
    """The same for several pictures with the same options; the stems are used up in the order of the pictures.

    Raises:
        As `arguments`.
    """
    command = command_for(job)
    argv = [str(engine.executable(command))]
    for picture in pictures:
        argv += ["-f", str(picture)]
    argv += ["-out_dir", str(out_dir)]
    for stem in stems:
        argv += ["-of", f"{stem}.csv"]
    argv += ALL_COLUMNS
    if job.media_type == "wild":
        argv.append("-wild")
    # After -wild, which would override it.
    argv += ["-multi_view", "1" if job.options.multi_view else "0"]
    if command == "FeatureExtraction" and job.options.au == "static":
        argv.append("-au_static")
    return argv
