"""Probe media (kind, wholeness, size, times) and prepare it for the engine.

Uploaded media is hostile: this file decodes nothing. It starts `service.sandbox.decoders`, which does, with limits
and without secrets, and checks the answer.
"""

from __future__ import annotations

import itertools
import os
import shutil
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from service.errors import MediaTooLarge, UnreadableMedia
from service.jobs.options import Media
from service.sandbox.call import DecoderTimeout, ask
from service.sandbox.process import ChildLimits

PROBE_FILE_BYTES = 1 << 20
CONVERTED = {"webp": "WebP", "heic": "HEIC", "avif": "AVIF", "tiff": "TIFF", "gif": "GIF (its first frame)"}
"""Formats of pictures that are shown to engines as PNG."""
FRAME_PIXELS = 64_000_000
END_ADDED = "given the end marker that it lacks"
JPEG_END = b"\xff\xd9"

T = TypeVar("T")
PictureFormat = Literal["jpeg", "png", "bmp", "webp", "heic", "avif", "tiff", "gif"]
VideoFormat = Literal["mp4", "mkv", "avi", "wmv", "flv", "mpg", "ts"]
Count = Annotated[int, Field(ge=0, le=10**9)]
Side = Annotated[int, Field(ge=1, le=10**6)]
Positive = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Ratio = Annotated[str, Field(max_length=40, pattern=r"^\d+(/\d+)?$")]


@dataclass(frozen=True)
class MediaLimits:
    """Limits of media, and of the children that decode it.

    Attributes:
        max_pixels: of a picture.
        max_duration_s: of a video.
        probe_time_s: wall time of a probe.
        prepare_time_s: wall time of a preparation, whatever its size.
        prepare_time_per_gigapixel_s: wall time added for each thousand million pixels of all frames.
        memory_bytes: address space of a decoder.
        file_bytes: size of a copy.
    """

    max_pixels: int
    max_duration_s: float
    probe_time_s: float = 120.0
    prepare_time_s: float = 60.0
    prepare_time_per_gigapixel_s: float = 60.0
    memory_bytes: int = 4 << 30
    file_bytes: int = 16 << 30

    @property
    def max_frame_pixels(self) -> int:
        """Most pixels of a video's frame: engines hold many of them."""
        return min(self.max_pixels, FRAME_PIXELS)

    def of_copy(self, probe: Probe) -> ChildLimits:
        """Limits of a child that decodes, and perhaps encodes, all of this media."""
        gigapixels = probe.width * probe.height * probe.frames / 1e9
        seconds = self.prepare_time_s + self.prepare_time_per_gigapixel_s * gigapixels
        return ChildLimits(seconds, self.memory_bytes, self.file_bytes)


@dataclass(frozen=True)
class Probe:
    """Facts of a media item; those of a video by its packets first, and by its decoded frames once it is prepared.

    Attributes:
        media: as which it was read.
        format: of the file, as its bytes say.
        width, height: in square pixels, upright, as the engine sees it.
        rotation: degrees clockwise from stored to upright. OpenCV, and so OpenFace, turns pictures by itself; videos
            are turned by `prepare`.
        mirrored: whether upright also means mirrored.
        frames: frames that are there.
        frames_promised: frames that there should be; more than `frames` is a file cut short.
        frame_rate: frames a second, where it varies the usual one; None for pictures, as all of the following.
        rate: `frame_rate` as an exact fraction.
        duration_s: from the first frame to the end of the last one.
        jitter_ms: root mean square by which distances of frames differ from the usual one, gaps left out.
        gaps: number of distances of more than three usual ones; `longest_gap_s` is the longest.
        clock_restarts, clock_jumps: steps of the file's clock, back or far forward, over which it was continued.
        start_s: from the beginning of the file to the first frame.
        creation_time: when the file says that it was recorded.
        sample_aspect_ratio: width of a stored pixel by its height.
        track: number of the picture track in the file; `picture_tracks` counts those to choose from.
        track_is_certain: whether every reader takes this track.
        has_cuts: whether an edit list leaves out frames.
        has_end: False for a JPEG that lacks its end marker.
        value_bits: of a PNG of 16 bits, where its values have fewer.
        reduction: number by which the sides of a very large picture are divided for the engine.
    """

    media: Media
    format: PictureFormat | VideoFormat
    codec: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9_.-]+$")]
    width: Side
    height: Side
    rotation: Literal[0, 90, 180, 270]
    mirrored: bool
    frames: Count
    frames_promised: Count
    frame_rate: Positive | None = None
    rate: Ratio | None = None
    duration_s: Seconds | None = None
    variable_frame_rate: bool | None = None
    jitter_ms: Seconds | None = None
    gaps: Count | None = None
    longest_gap_s: Seconds | None = None
    clock_restarts: Count | None = None
    clock_jumps: Count | None = None
    start_s: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] | None = None
    creation_time: Annotated[str, Field(max_length=40, pattern=r"^[0-9T:.+Z-]+$")] | None = None
    sample_aspect_ratio: Ratio | None = None
    track: Count | None = None
    picture_tracks: Count | None = None
    track_is_certain: bool | None = None
    has_cuts: bool | None = None
    has_end: bool = True
    value_bits: Literal[10, 12, 14] | None = None
    reduction: Literal[1, 2, 4] = 1

    @property
    def is_cut_short(self) -> bool:
        return self.frames_promised > self.frames

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Prepared:
    """Media as the engine takes it.

    Attributes:
        path: in the workspace, under a safe name.
        probe: facts of the media as uploaded, those of a video now by its decoded frames.
        frames_expected: rows that a whole table has; a file cut short is held to what it promised.
        frames_decoded: frames of a video that could be decoded; None for pictures.
        steps: what was done, in words.
        times: presentation time of each frame, in seconds since the first one; None for pictures.
    """

    path: Path
    probe: Probe
    frames_expected: int
    frames_decoded: int | None = None
    steps: tuple[str, ...] = ()
    times: array[float] | None = None

    @property
    def frame_rate(self) -> float | None:
        return self.probe.frame_rate

    @property
    def duration_s(self) -> float | None:
        return self.probe.duration_s


@dataclass(frozen=True)
class _Decoded:
    """A child's answer about a video that it decoded; the fields are as in `Probe`.

    Attributes:
        damaged: number of packets that could not be decoded; the first came after frame `damaged_at`.
        concealed: number of frames that are damaged in part.
        sizes: number of frame sizes.
        copied: whether there is a copy.
    """

    frames: Count
    damaged: Count
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
_OF_COPY = {"damaged", "damaged_at", "concealed", "sizes", "copied"}


def probe(
    path: Path, media: Media, room: Path, limits: MediaLimits, on_wait: Callable[[], None] = lambda: None
) -> Probe:
    """Probe a media item in a child process.

    Args:
        path: the file as fetched.
        room: this item's folder; gets `probe/`.
        on_wait: see `run_child`.

    Raises:
        UnsupportedMedia: not of a kind that is taken, or only sound.
        UnreadableMedia: empty, cut short, damaged or not what its name says.
        MediaTooLarge: over a limit.
        EngineUnavailable: the decoders themselves do not start.
    """
    request: dict[str, Any] = {"do": "probe", "media": media, "path": str(path.resolve())}
    request["max_pixels"] = limits.max_pixels
    if media == "video":
        request |= {"max_pixels": limits.max_frame_pixels, "max_duration_s": limits.max_duration_s}
    child = ChildLimits(limits.probe_time_s, limits.memory_bytes, PROBE_FILE_BYTES)
    return _checked(_PROBE, ask(request, room / "probe", child, on_wait) | {"media": media})


def picture_question(path: Path, limits: MediaLimits) -> dict[str, Any]:
    """Return the request for a probe of a picture by a pool's child."""
    return {"do": "probe", "path": str(path.resolve()), "max_pixels": limits.max_pixels}


def picture_probe(fields: Mapping[str, Any]) -> Probe:
    """Check the answer of a pool's child. Raises UnreadableMedia."""
    return _checked(_PROBE, {**fields, "media": "image"})


def prepare(
    path: Path,
    found: Probe,
    room: Path,
    limits: MediaLimits,
    on_wait: Callable[[], None] = lambda: None,
    *,
    engine_turns: bool = False,
) -> Prepared:
    """Bring the media under a safe name, and copy it where engines would read it otherwise; decode all of a video.

    Args:
        room: this item's folder; gets `prepare/`.
        engine_turns: whether the engine turns videos by itself, so that none is copied for that alone.

    Raises:
        MediaTooLarge: it took too long, or over another limit.
        AnalysisError: see `probe`.
    """
    folder = room / "prepare"
    folder.mkdir()
    try:
        if found.media == "video":
            return _video(path, found, folder, limits, on_wait, engine_turns)
        return _picture(path, found, folder, limits, on_wait)
    except DecoderTimeout as error:
        raise MediaTooLarge(
            f"{found.frames} frames of {found.width} × {found.height} pixels were not prepared within "
            f"{limits.of_copy(found).time_s:.0f} s; PREPARE_TIME_LIMIT_PER_GIGAPIXEL_S gives more time"
        ) from error


def _picture(path: Path, found: Probe, folder: Path, limits: MediaLimits, on_wait: Callable[[], None]) -> Prepared:
    steps = tuple(_picture_steps(found))
    if not steps:
        return Prepared(_safe(path, found, folder), found, 1)
    if steps == (END_ADDED,):
        # Nothing is decoded for it: its pixels stay as they are.
        whole = folder / "media.jpg"
        whole.write_bytes(path.read_bytes() + JPEG_END)
        return Prepared(whole, found, 1, steps=steps)
    into = folder / "media.png"
    request = {"do": "convert", "media": "image", "path": str(path.resolve()), "into": str(into)}
    ask(request | {"max_pixels": limits.max_pixels}, folder / "child", limits.of_copy(found), on_wait)
    return Prepared(into, found, 1, steps=steps)


def _picture_steps(found: Probe) -> Iterator[str]:
    """Say what has to be done to a picture: many builds of OpenCV, and so of OpenFace, read JPEG, PNG and BMP only."""
    if found.format in CONVERTED:
        yield f"converted from {CONVERTED[found.format]} to PNG"
    if not found.has_end:
        yield END_ADDED
    if found.value_bits:
        yield f"scaled from values of {found.value_bits} bits"
    if found.reduction > 1:
        yield f"reduced to 1/{found.reduction} of its width and height, {found.width} × {found.height}"
    # OpenCV turns JPEGs; older ones turn no PNGs.
    if found.format != "jpeg" and (found.rotation or found.mirrored):
        yield "turned upright"


def _video(
    path: Path, found: Probe, folder: Path, limits: MediaLimits, on_wait: Callable[[], None], engine_turns: bool
) -> Prepared:
    into, times = folder / "media.mp4", folder / "times.f64"
    request = {
        "do": "prepare",
        "media": "video",
        "path": str(path.resolve()),
        "into": str(into),
        "times": str(times),
        "rate": found.rate or "25",
        "copy": _needs_copy(found, engine_turns),
        "cut": found.is_cut_short,
        "max_pixels": limits.max_frame_pixels,
        "max_duration_s": limits.max_duration_s,
    }
    fields = ask(request, folder / "child", limits.of_copy(found), on_wait)
    decoded = _checked(_DECODED, fields)
    # Frames that build on a damaged one are lost with it, without a word of the decoder.
    damaged = max(found.frames - decoded.frames, decoded.damaged) if decoded.damaged else 0
    lost = found.frames_promised - found.frames + damaged
    probe = replace(
        found,
        frames_promised=decoded.frames + lost,
        **{name: value for name, value in asdict(decoded).items() if name not in _OF_COPY},
    )
    return Prepared(
        into if decoded.copied else _safe(path, found, folder),
        probe,
        probe.frames_promised,
        decoded.frames,
        tuple(_steps(probe, decoded, damaged)),
        _times(times, decoded.frames),
    )


def _needs_copy(found: Probe, engine_turns: bool) -> bool:
    return bool(
        (found.rotation and not engine_turns)
        or found.mirrored
        or found.has_cuts
        or not found.track_is_certain
        or found.sample_aspect_ratio != "1"
    )


def _times(path: Path, frames: int) -> array[float]:
    """Read the times that a child wrote, and check them."""
    times = array("d")
    whole = path.is_file() and path.stat().st_size == frames * times.itemsize
    data = path.read_bytes() if whole else b""
    times.frombytes(data)
    if not times or times[0] != 0 or any(not a < b < 1e9 for a, b in itertools.pairwise(times)):
        raise UnreadableMedia("the decoder's answer makes no sense: its times do not grow")
    return times


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


def _checked(kind: TypeAdapter[T], fields: dict[str, Any]) -> T:
    """Check a decoder's numbers: it works on hostile bytes."""
    try:
        return kind.validate_python({"frames_promised": fields.get("frames"), **fields})
    except ValidationError as error:
        raise UnreadableMedia(f"the decoder's answer makes no sense: {error.error_count()} problems") from error
