"""Why a run failed: OpenFace's exit codes say little, its well-known phrases say more."""

from __future__ import annotations

from service.errors import AnalysisError, EngineCrashed, EngineUnavailable, NoOutput, UnreadableMedia, WorkspaceFull
from service.sandbox.process import Finished

PHRASES: tuple[tuple[str, type[AnalysisError], str], ...] = (
    ("Could not load the landmark detector", EngineUnavailable, "OpenFace's landmark models are missing"),
    ("Could not find CEN patch experts", EngineUnavailable, "OpenFace's patch experts are missing"),
    ("error while loading shared libraries", EngineUnavailable, "a library that OpenFace needs is missing"),
    ("Could not open the image", UnreadableMedia, "OpenFace cannot read the picture"),
    ("Failed to open the video file", UnreadableMedia, "OpenFace cannot read the video"),
    ("Could not open any images", UnreadableMedia, "OpenFace was given no picture that it reads"),
    ("too many memory regions", EngineCrashed, "OpenBLAS met its thread limit; set OPENBLAS_NUM_THREADS=1"),
    (
        "The output CSV file is not open",
        EngineCrashed,
        "OpenFace could not write its table; is the disk full?",
    ),
    ("No space left on device", WorkspaceFull, "the disk of the workspace is full"),
    ("std::bad_alloc", EngineCrashed, "OpenFace ran out of memory; see ENGINE_MEMORY_MB"),
    ("MemoryError", EngineCrashed, "the engine ran out of memory; see ENGINE_MEMORY_MB"),
)
"""Words of a log, the error that they mean, and what to tell; the first that matches counts."""

HINTS = {
    "SIGKILL": " (usually the machine or container ran out of memory)",
    "SIGXFSZ": " (a file grew over its limit)",
    "SIGABRT": " (often memory, or a thread limit)",
    "SIGFPE": " (OpenFace does this for frames without a size)",
}


def failure(finished: Finished, tail: str) -> AnalysisError:
    """The error for a run that left nothing to use: by its words, else by its signal or exit code.

    Args:
        tail: the end of its log, as it may be shown; becomes part of the message.
    """
    told = f"\n{tail}" if tail else ""
    for phrase, kind, sentence in PHRASES:
        if phrase in tail:
            return kind(sentence + told)
    if finished.signal:
        return EngineCrashed(f"the engine was ended by {finished.signal}{HINTS.get(finished.signal, '')}{told}")
    if finished.returncode:
        return EngineCrashed(f"the engine ended with exit code {finished.returncode}{told}")
    return NoOutput(f"the engine ended well, but left no table and no sign of having looked{told}")
