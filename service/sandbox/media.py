"""Probe media: kind, wholeness, size, times.

Uploaded media is hostile: this file decodes nothing. It starts `service.sandbox.decoders`, which does, with limits
and without secrets, and checks the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from service.errors import UnreadableMedia
from service.jobs.media_kind import Media
from service.sandbox.call import ask
from service.sandbox.confinement import Access
from service.sandbox.process import ChildLimits

PROBE_FILE_BYTES = 1 << 20
CONVERTED_NAME = "converted.png"
"""File in an item's folder into which the child that looks at its picture converts it, where that is needed."""
CONVERTED = {"webp": "WebP", "heic": "HEIC", "avif": "AVIF", "tiff": "TIFF", "gif": "GIF (its first frame)"}
"""Formats of pictures that are shown to engines as PNG."""
FRAME_PIXELS = 64_000_000
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
        value_bits: of a PNG or grey TIFF of 16 bits, where its values have fewer.
        focal_length_35mm: of a photo, in mm by 35 mm film, as its EXIF data says.
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
    focal_length_35mm: Positive | None = None
    reduction: Literal[1, 2, 4] = 1

    @property
    def is_cut_short(self) -> bool:
        return self.frames_promised > self.frames

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


_PROBE = TypeAdapter(Probe)


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
    fields = ask(request, room / "probe", child, on_wait, access=Access(reads=(path.resolve(),)))
    return checked(_PROBE, fields | {"media": media})


def picture_question(path: Path, room: Path, limits: MediaLimits) -> dict[str, Any]:
    """Return the request for a probe of a picture, and its conversion where needed, by a pool's child."""
    into = room.resolve() / CONVERTED_NAME
    return {"do": "probe", "path": str(path.resolve()), "max_pixels": limits.max_pixels, "into": str(into)}


def picture_probe(fields: Mapping[str, Any]) -> Probe:
    """Check the answer of a pool's child. Raises UnreadableMedia."""
    return checked(_PROBE, {**fields, "media": "image"})


def checked(kind: TypeAdapter[T], fields: dict[str, Any]) -> T:
    """Check a decoder's numbers: it works on hostile bytes."""
    try:
        return kind.validate_python({"frames_promised": fields.get("frames"), **fields})
    except ValidationError as error:
        raise UnreadableMedia(f"the decoder's answer makes no sense: {error.error_count()} problems") from error
