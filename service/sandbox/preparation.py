"""Prepare media for the engine: under a safe name, and as a copy where engines would read it otherwise.

Uploaded media is hostile: this file decodes nothing. It starts `service.sandbox.decoders`, which does, with limits
and without secrets, and checks the answer.
"""

from __future__ import annotations

import itertools
import math
import os
import shutil
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from service.errors import MediaTooLarge, UnreadableMedia
from service.jobs.part import WHOLE, Part
from service.sandbox.call import DecoderTimeout, ask
from service.sandbox.confinement import Access
from service.sandbox.media import CONVERTED_NAME, Count, MediaLimits, Positive, Probe, Ratio, Seconds, Side, checked
from service.sandbox.picture_steps import END_ADDED, picture_steps

UNCOMPRESSED_BYTES = 1 << 30
"""Largest copy that is not compressed: 11 s of 1080p, 77 s of 480p at 30 frames a second."""
JPEG_END = b"\xff\xd9"


@dataclass(frozen=True)
class Prepared:
    """Media as the engine takes it.

    Attributes:
        path: in the workspace, under a safe name.
        probe: facts of the media as uploaded, those of a video now by its decoded frames.
        frames_expected: rows that a whole table has; a file cut short is held to what it promised.
        frames_decoded: frames of a video that could be decoded; None for pictures.
        steps: what was done, in words.
        times: presentation time of each frame, in seconds since the video's first one; None for pictures.
        part: the part of the media that was prepared.
        numbers: of the frames in the file, from 1; None where all are there, and for pictures.
    """

    path: Path
    probe: Probe
    frames_expected: int
    frames_decoded: int | None = None
    steps: tuple[str, ...] = ()
    times: array[float] | None = None
    part: Part = WHOLE
    numbers: array[int] | None = None

    @property
    def frame_rate(self) -> float | None:
        """Frames a second as the engine sees them."""
        rate = self.probe.frame_rate
        return rate / self.part.every if rate else None

    @property
    def duration_s(self) -> float | None:
        """From the first prepared frame to the end of the last one."""
        if self.numbers is None or not self.times or not self.frame_rate:
            return self.probe.duration_s
        return self.times[-1] - self.times[0] + 1 / self.frame_rate


@dataclass(frozen=True)
class _Decoded:
    """A child's answer about a video that it decoded; the fields are as in `Probe`.

    Attributes:
        frames: decoded ones; `chosen` of them are in the part.
        reached_end: whether all of the video was decoded.
        damaged: number of packets that could not be decoded; the first came after frame `damaged_at`,
            `damaged_in_part` of them after the part's beginning.
        concealed: number of frames that are damaged in part.
        sizes: number of frame sizes.
        copied: whether there is a copy.
    """

    frames: Count
    chosen: Count
    reached_end: bool
    damaged: Count
    damaged_in_part: Count
    concealed: Count
    sizes: Count
    width: Side
    height: Side
    copied: bool
    frame_rate: Positive
    rate: Ratio
    duration_s: Seconds
    variable_frame_rate: bool
    jitter_ms: Seconds
    gaps: Count
    longest_gap_s: Seconds
    clock_restarts: Count
    clock_jumps: Count
    start_s: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
    damaged_at: Count | None = None


_PROBE, _DECODED = TypeAdapter(Probe), TypeAdapter(_Decoded)
_OF_COPY = {"damaged", "damaged_at", "damaged_in_part", "concealed", "sizes", "copied", "chosen", "reached_end"}


def prepare(
    path: Path,
    found: Probe,
    room: Path,
    limits: MediaLimits,
    on_wait: Callable[[], None] = lambda: None,
    *,
    engine_turns: bool = False,
    part: Part = WHOLE,
) -> Prepared:
    """Bring the media under a safe name, and copy it where engines would read it otherwise; decode all of a video.

    Args:
        room: this item's folder; gets `prepare/`.
        engine_turns: whether the engine turns videos by itself, so that none is copied for that alone.
        part: what of the media is prepared; the copy has only that.

    Raises:
        MediaTooLarge: it took too long, or over another limit.
        OptionDoesNotFit: the media has no such part.
        AnalysisError: see `probe`.
    """
    folder = room / "prepare"
    folder.mkdir()
    try:
        if found.media == "video":
            return _video(path, found, folder, limits, on_wait, engine_turns, part)
        return _picture(path, found, folder, limits, on_wait, part)
    except DecoderTimeout as error:
        raise MediaTooLarge(
            f"{found.frames} frames of {found.width} × {found.height} pixels were not prepared within "
            f"{limits.of_copy(found).time_s:.0f} s; PREPARE_TIME_LIMIT_PER_GIGAPIXEL_S gives more time"
        ) from error


def _picture(
    path: Path, found: Probe, folder: Path, limits: MediaLimits, on_wait: Callable[[], None], part: Part
) -> Prepared:
    if part.region:
        # Cut out at full size.
        found = replace(found, reduction=1)
    steps = (*picture_steps(found.as_dict()), *region_steps(part))
    if not steps:
        return Prepared(_safe(path, found, folder), found, 1)
    if steps == (END_ADDED,):
        # Nothing is decoded for it: its pixels stay as they are.
        whole = folder / "media.jpg"
        whole.write_bytes(path.read_bytes() + JPEG_END)
        return Prepared(whole, found, 1, steps=steps)
    into = folder / "media.png"
    converted = folder.parent / CONVERTED_NAME
    if converted.is_file() and not part.region:
        return Prepared(converted.rename(into), found, 1, steps=steps)
    request: dict[str, Any] = {"do": "convert", "media": "image", "path": str(path.resolve()), "into": str(into)}
    request |= {"max_pixels": limits.max_pixels, "region": str(part.region) if part.region else None}
    size = ask(request, folder / "child", limits.of_copy(found), on_wait, access=_copying(path, folder))
    probe = checked(_PROBE, asdict(found) | {"width": size.get("width"), "height": size.get("height")})
    return Prepared(into, probe, 1, steps=steps, part=part)


def _copying(path: Path, folder: Path) -> Access:
    return Access(reads=(path.resolve(),), writes=(folder.resolve(),))


def region_steps(part: Part) -> Iterator[str]:
    """Say which region was cut out, if any."""
    if part.region:
        yield f"reduced to its region {part.region} (x, y, width, height)"


def _video(
    path: Path,
    found: Probe,
    folder: Path,
    limits: MediaLimits,
    on_wait: Callable[[], None],
    engine_turns: bool,
    part: Part,
) -> Prepared:
    copy = _copy_for(found, engine_turns, part)
    compress = _raw_bytes(found, part) > min(UNCOMPRESSED_BYTES, limits.file_bytes // 2)
    into = folder / f"media.{_extension(copy, compress)}"
    times, numbers = folder / "times.f64", folder / "numbers.i64"
    request = {
        "do": "prepare",
        "media": "video",
        "path": str(path.resolve()),
        "into": str(into),
        "times": str(times),
        "numbers": str(numbers),
        "part": part.as_request(),
        "rate": found.rate or "25",
        "copy": copy,
        "compress": compress,
        "cut": found.is_cut_short,
        "max_pixels": limits.max_frame_pixels,
        "max_duration_s": limits.max_duration_s,
    }
    fields = ask(request, folder / "child", limits.of_copy(found), on_wait, access=_copying(path, folder))
    decoded = checked(_DECODED, fields)
    lost, damaged = _lost(found, decoded)
    if decoded.reached_end:
        measured = {name: value for name, value in asdict(decoded).items() if name not in _OF_COPY}
        probe = replace(found, **measured | {"frames_promised": decoded.frames + lost})
    else:
        probe = replace(found, width=decoded.width, height=decoded.height)
    if part.chooses_frames:
        lost = math.ceil((lost - damaged + decoded.damaged_in_part) / part.every)
    moments = _times(times, decoded.chosen)
    chosen = _numbers(numbers, decoded) if part.chooses_frames else None
    return Prepared(
        into if decoded.copied else _safe(path, found, folder),
        probe,
        decoded.chosen + lost,
        decoded.chosen,
        (*_steps(probe, decoded, damaged), *_part_steps(part, moments, chosen)),
        moments,
        part,
        chosen,
    )


def _lost(found: Probe, decoded: _Decoded) -> tuple[int, int]:
    """Return how many frames are missing of those that were to be decoded, and how many of them for damage."""
    if not decoded.reached_end:
        return decoded.damaged, decoded.damaged
    # Frames that build on a damaged one are lost with it, without a word of the decoder.
    damaged = max(found.frames - decoded.frames, decoded.damaged) if decoded.damaged else 0
    return found.frames_promised - found.frames + damaged, damaged


def _part_steps(part: Part, times: array[float], numbers: array[int] | None) -> Iterator[str]:
    if numbers:
        each = f", one in {part.every}" if part.every > 1 else ""
        yield (
            f"reduced to {len(numbers)} of its frames, {numbers[0]} to {numbers[-1]} "
            f"({times[0]:.3f} to {times[-1]:.3f} s){each}"
        )
    yield from region_steps(part)


def _copy_for(found: Probe, engine_turns: bool, part: Part) -> str:
    """Return what a copy is needed for: `pixels`, `track` (which needs no encoding), or nothing."""
    turns = found.rotation and not (engine_turns and found.track_is_certain)
    if turns or found.mirrored or found.has_cuts or found.sample_aspect_ratio != "1" or not part.is_whole:
        return "pixels"
    return "" if found.track_is_certain else "track"


def _raw_bytes(found: Probe, part: Part) -> int:
    """Estimate the size of a copy that is not compressed."""
    region = part.region
    pixels = region.width * region.height if region else found.width * found.height
    lasts_s = max(min(part.end_s or math.inf, found.duration_s or 0.0) - part.start_s, 0.0)
    share = min(lasts_s / found.duration_s, 1.0) if found.duration_s else 1.0
    return int(pixels * 1.5 * found.frames * share / part.every)


def _extension(copy: str, compress: bool) -> str:
    if copy == "track":
        return "mkv"
    return "mp4" if compress else "avi"


def _times(path: Path, frames: int) -> array[float]:
    """Read the times that a child wrote, and check them."""
    times = array("d", _bytes(path, frames))
    if not times or not times[0] >= 0 or any(not a < b < 1e9 for a, b in itertools.pairwise(times)):
        raise UnreadableMedia("the decoder's answer makes no sense: its times do not grow")
    return times


def _numbers(path: Path, decoded: _Decoded) -> array[int]:
    """Read the frame numbers that a child wrote, and check them."""
    numbers = array("q", _bytes(path, decoded.chosen))
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= decoded.frames or not _grow(numbers):
        raise UnreadableMedia("the decoder's answer makes no sense: its frame numbers do not grow")
    return numbers


def _grow(numbers: array[int]) -> bool:
    return all(a < b for a, b in itertools.pairwise(numbers))


def _bytes(path: Path, values: int) -> bytes:
    """Read a file of values of 8 bytes; empty where it has another size."""
    whole = path.is_file() and path.stat().st_size == 8 * values
    return path.read_bytes() if whole else b""


def _steps(probe: Probe, decoded: _Decoded, damaged: int) -> list[str]:
    """Say what was done to a video, with numbers."""
    steps = []
    if not probe.track_is_certain:
        steps.append(f"reduced to its picture track, number {probe.track} of the file")
    if probe.has_cuts:
        steps.append("freed of the frames that its edit list leaves out")
    if probe.sample_aspect_ratio != "1":
        aspect = (probe.sample_aspect_ratio or "").replace("/", ":")
        steps.append(f"scaled from pixels of {aspect} to square ones, {probe.width} × {probe.height}")
    if probe.rotation:
        steps.append(f"rotated {probe.rotation}° upright" + ("" if decoded.copied else " by the engine itself"))
    if probe.mirrored:
        steps.append("mirrored, as its display matrix says")
    if decoded.sizes > 1:
        steps.append(f"letterboxed from {decoded.sizes} frame sizes to {probe.width} × {probe.height}")
    if damaged:
        steps.append(
            f"freed of {damaged} frames that cannot be decoded for damage, the first after frame {decoded.damaged_at}"
        )
    if decoded.concealed:
        steps.append(f"left with {decoded.concealed} frames that are damaged in part, as the decoder conceals it")
    if probe.clock_restarts or probe.clock_jumps:
        steps.append(
            f"put on one clock: the file's own restarts {probe.clock_restarts} times and "
            f"jumps forward {probe.clock_jumps} times"
        )
    if probe.variable_frame_rate:
        steps.append(f"shown to the engine frame by frame at a nominal {probe.frame_rate:.5g} fps")
    return steps


def _safe(path: Path, found: Probe, folder: Path) -> Path:
    """Link the file, or copy it, under a name that says nothing but its format."""
    safe = folder / f"media.{'jpg' if found.format == 'jpeg' else found.format}"
    try:
        os.link(path.resolve(), safe)
    except OSError:
        # Another file system, or one without links.
        shutil.copyfile(path.resolve(), safe)
    return safe
