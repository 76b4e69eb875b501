"""Probe a folder of pictures, and prepare it as frames for the engine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from service.jobs.part import Part
from service.sandbox.call import ask
from service.sandbox.confinement import Access
from service.sandbox.media import Count, MediaLimits, PictureFormat, Probe, Side, checked
from service.sandbox.preparation import Prepared, region_steps
from service.sandbox.process import ChildLimits

ALTERED = "altered.i64"
"""Name of the list of the pictures that engines would read otherwise."""
PIXELS_A_PICTURE = 20_000_000
"""Size that the time limit reckons with."""
_EXTENSIONS = {b"\xff\xd8": "jpg", b"\x89P": "png", b"BM": "bmp"}
"""By the first bytes: OpenFace takes the files of a folder by their extension."""


@dataclass(frozen=True)
class ProbedSequence:
    """A child's answer about a folder of pictures.

    Attributes:
        width, height: of the smallest picture that holds all.
        sizes: number of sizes.
        altered: number of pictures that engines would read otherwise.
        value_bits: where all values of 16 bits have fewer, their number.
    """

    format: PictureFormat
    codec: Annotated[str, Field(max_length=40)]
    width: Side
    height: Side
    frames: Count
    sizes: Count
    altered: Count
    value_bits: Literal[10, 12, 14] | None = None

    @property
    def probe(self) -> Probe:
        """The sequence as a video without times."""
        return Probe(
            media="video",
            format=self.format,
            codec=self.codec,
            width=self.width,
            height=self.height,
            rotation=0,
            mirrored=False,
            frames=self.frames,
            frames_promised=self.frames,
        )


_ANSWER = TypeAdapter(ProbedSequence)


def frame_name(number: int) -> str:
    """Name of a fetched picture: its number from 1, so that names sort as frames do."""
    return f"{number:06d}"


def probe_sequence(folder: Path, room: Path, limits: MediaLimits, on_wait: Callable[[], None]) -> ProbedSequence:
    """Probe the pictures of a folder in a child process.

    Args:
        folder: pictures named by `frame_name`.
        room: this item's folder; gets `probe/` and `lists/`.

    Raises:
        MediaError: a picture cannot be used; the message has its number.
    """
    lists = room / "lists"
    lists.mkdir()
    request = {
        "do": "probe",
        "media": "sequence",
        "path": str(folder.resolve()),
        "altered": str(lists.resolve() / ALTERED),
        "max_pixels": limits.max_frame_pixels,
    }
    access = Access(reads=(folder.resolve(),), writes=(lists.resolve(),))
    return checked(_ANSWER, ask(request, room / "probe", _child(folder, limits), on_wait, access=access))


def prepare_sequence(
    folder: Path, found: ProbedSequence, room: Path, limits: MediaLimits, on_wait: Callable[[], None], part: Part
) -> Prepared:
    """Bring the pictures under names that engines take as frames, in one size.

    Args:
        room: as of `probe_sequence`; gets `prepare/`.
        part: its region is cut out.

    Raises:
        MediaError: see `probe_sequence`.
    """
    frames, copies = room / "prepare" / "sequence", room / "prepare" / "copies"
    for each in (frames, copies):
        each.mkdir(parents=True)
    if found.altered or found.sizes > 1 or part.region:
        altered = room.resolve() / "lists" / ALTERED
        access = Access(reads=(folder.resolve(), altered), writes=(copies.resolve(),))
        request = {
            "do": "convert",
            "media": "sequence",
            "path": str(folder.resolve()),
            "into": str(copies.resolve()),
            "altered": str(altered),
            "width": found.width,
            "height": found.height,
            "region": str(part.region) if part.region else None,
            "bits": found.value_bits or 16,
        }
        ask(request, room / "prepare" / "child", _child(folder, limits), on_wait, access=access)
    for file in sorted(folder.iterdir()):
        copy = copies / f"{file.name}.png"
        if copy.is_file():
            copy.rename(frames / copy.name)
        else:
            _link(file, frames / f"{file.name}.{_extension(file)}")
    return Prepared(frames, found.probe, found.frames, found.frames, tuple(_steps(found, part)), part=part)


def _steps(found: ProbedSequence, part: Part) -> Iterator[str]:
    yield f"shown to the engine as a sequence of {found.frames} frames without times"
    if found.altered:
        yield f"converted to PNG in {found.altered} of its pictures"
    if found.value_bits:
        yield f"scaled from values of {found.value_bits} bits"
    if found.sizes > 1:
        yield f"letterboxed from {found.sizes} sizes to {found.width} × {found.height}"
    yield from region_steps(part)


def _child(folder: Path, limits: MediaLimits) -> ChildLimits:
    gigapixels = len(list(folder.iterdir())) * PIXELS_A_PICTURE / 1e9
    seconds = limits.prepare_time_s + limits.prepare_time_per_gigapixel_s * gigapixels
    return ChildLimits(seconds, limits.memory_bytes, limits.file_bytes)


def _extension(file: Path) -> str:
    with file.open("rb") as content:
        return _EXTENSIONS.get(content.read(2), "jpg")


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:
        # Another file system, or one without links.
        shutil.copyfile(file, name)
