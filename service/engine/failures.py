"""Translate how an engine ended into an error: OpenFace's exit codes say little, its well-known phrases say more."""

from __future__ import annotations

import re
from pathlib import Path

from service.errors import AnalysisError, EngineCrashed, EngineUnavailable, NoOutput, UnreadableMedia, WorkspaceFull
from service.sandbox.process import Finished

PHRASES: tuple[tuple[str, type[AnalysisError], str], ...] = (
    # Before the next one, which OpenFace adds to it.
    ("Could not find CEN patch experts", EngineUnavailable, "OpenFace's patch experts are missing"),
    ("Could not load the landmark detector", EngineUnavailable, "OpenFace's landmark models are missing"),
    ("error while loading shared libraries", EngineUnavailable, "a library that OpenFace needs is missing"),
    ("Could not open the image", UnreadableMedia, "OpenFace cannot read the picture"),
    ("Failed to open the video file", UnreadableMedia, "OpenFace cannot read the video"),
    ("Could not open any images", UnreadableMedia, "OpenFace was given no picture that it reads"),
    ("too many memory regions", EngineCrashed, "OpenBLAS met its thread limit: it ran with more threads than one"),
    (
        "The output CSV file is not open",
        EngineCrashed,
        "OpenFace could not write its table; is the disk full?",
    ),
    ("No space left on device", WorkspaceFull, "the disk of the workspace is full"),
    ("std::bad_alloc", EngineCrashed, "OpenFace ran out of memory; see ENGINE_MEMORY_MB"),
    ("MemoryError", EngineCrashed, "the engine ran out of memory; see ENGINE_MEMORY_MB"),
)
"""Phrases of a log, the error that each means, and the sentence for people; the first that matches counts."""

NOISE = (
    re.compile(r"^Could not find the HAAR face detector location$", re.MULTILINE),
    re.compile(r"^\[ ?ERROR:\d+@[^\]]*\][^\n]*persistence\.cpp[^\n]*$", re.MULTILINE),
    re.compile(r"^libdc1394 error: Failed to initialize libdc1394$", re.MULTILINE),
)
"""Lines of every good run: the build never copies the HAAR cascade, and OpenCV 4.6 reports the missing file."""

HINTS = {
    "SIGKILL": " (usually the machine or container ran out of memory)",
    "SIGXFSZ": " (a file grew over its limit)",
    "SIGABRT": " (often memory, or a thread limit)",
    "SIGFPE": " (OpenFace does this for frames without a size)",
    "SIGSEGV": " (OpenFace does this for a video without a frame, and for damaged model files)",
    "SIGILL": " (the command was compiled for another processor)",
}

_UNREADABLE = re.compile(r"Could not open the image: (.+)")


def failure(finished: Finished, log_tail: str) -> AnalysisError:
    """Choose the error for a run that left no result: by phrases of its log, else by its signal or exit code.

    Args:
        log_tail: the end of its log, folders masked; becomes part of the message.
    """
    for noise in NOISE:
        log_tail = noise.sub("", log_tail)
    log_tail = "\n".join(line for line in log_tail.splitlines() if line.strip())
    quoted = f"\n{log_tail}" if log_tail else ""
    for phrase, kind, sentence in PHRASES:
        if phrase in log_tail:
            return kind(sentence + quoted)
    if finished.signal:
        return EngineCrashed(f"the engine was ended by {finished.signal}{HINTS.get(finished.signal, '')}{quoted}")
    if finished.returncode:
        return EngineCrashed(f"the engine ended with exit code {finished.returncode}{quoted}")
    return NoOutput(f"the engine ended well, but left neither a table nor a details file{quoted}")


def unreadable_picture(finished: Finished) -> Path | None:
    """Find the picture at which a batch stopped because it could not be read; None where the log names none."""
    if finished.returncode == 0:
        return None
    found = _UNREADABLE.findall(finished.tail())
    return Path(found[-1].strip()) if found else None
