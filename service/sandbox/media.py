"""What is it, is it whole, how long; and upright and of constant frame rate before the engine sees it.

Uploaded media is hostile: this file decodes nothing. It starts `service.sandbox.decoders`, which does, with limits
and without secrets, and checks the answer.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from service.errors import UnreadableMedia
from service.jobs.options import Media
from service.sandbox.call import ask
from service.sandbox.process import ChildLimits

PROBE_FILE_BYTES = 1 << 20

T = TypeVar("T")
Count = Annotated[int, Field(ge=0, le=10**9)]
Side = Annotated[int, Field(ge=1, le=10**6)]
Positive = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


@dataclass(frozen=True)
class MediaLimits:
    """What media may be, and what looking at it may cost.

    Attributes:
        max_pixels: of a picture or frame.
        max_duration_s: of a video.
        probe_time_s: wall time for looking.
        prepare_time_s: wall time for a copy, whatever its length…
        prepare_time_per_media_s: …and as much more for each second of video.
        memory_bytes: address space of a decoder.
        file_bytes: size of the copy.
    """

    max_pixels: int
    max_duration_s: float
    probe_time_s: float = 120.0
    prepare_time_s: float = 60.0
    prepare_time_per_media_s: float = 5.0
    memory_bytes: int = 4 << 30
    file_bytes: int = 16 << 30


@dataclass(frozen=True)
class Probe:
    """What a media item is.

    Attributes:
        media: as which it was read.
        format: of the file, as its bytes say: `jpeg png bmp webp`, or `mp4 mkv avi wmv mpg ts`.
        width, height: in pixels, upright, as the engine will see it.
        rotation: degrees clockwise from stored to upright: 0, 90, 180 or 270. OpenCV, and so OpenFace, turns
            pictures by itself; videos are turned by `prepare`.
        mirrored: whether upright also means mirrored.
        frames: frames that are there.
        frames_promised: frames that the header speaks of; more than `frames` is a file cut short.
        frame_rate: frames a second; None for pictures, as are the others.
        rate: the same as an exact fraction.
    """

    media: Media
    format: Literal["jpeg", "png", "bmp", "webp", "mp4", "mkv", "avi", "wmv", "mpg", "ts"]
    codec: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9_.-]+$")]
    width: Side
    height: Side
    rotation: Literal[0, 90, 180, 270]
    mirrored: bool
    frames: Count
    frames_promised: Count
    frame_rate: Positive | None = None
    rate: Annotated[str, Field(max_length=40, pattern=r"^\d+(/\d+)?$")] | None = None
    duration_s: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    variable_frame_rate: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Prepared:
    """Media as the engine takes it.

    Attributes:
        path: in the workspace, under a name of ours.
        frames_expected: rows that a whole table has; a file cut short is held to what it promised.
        frames_decoded: frames decoded for the copy; None where none was needed.
        steps: what was done, in words.
    """

    path: Path
    frames_expected: int
    frames_decoded: int | None
    frame_rate: float | None
    duration_s: float | None
    steps: tuple[str, ...]


@dataclass(frozen=True)
class _Copy:
    """The child's words about a copy it wrote."""

    frames: Count
    repeated: Count = 0
    dropped: Count = 0


_PROBE, _COPY = TypeAdapter(Probe), TypeAdapter(_Copy)


def probe(
    path: Path, media: Media, room: Path, limits: MediaLimits, on_wait: Callable[[], None] = lambda: None
) -> Probe:
    """Look at a media item in a child process.

    Args:
        path: the file as fetched.
        room: this item's folder; gets `probe/`.
        on_wait: see `run_child`.

    Raises:
        UnsupportedMedia: not of a kind that we take, or only sound.
        UnreadableMedia: empty, cut short, damaged or not what its name says.
        MediaTooLarge: over a limit.
        EngineUnavailable: the decoders themselves do not start.
    """
    request: dict[str, Any] = {"do": "probe", "media": media, "path": str(path.resolve())}
    request["max_pixels"] = limits.max_pixels
    if media == "video":
        request["max_duration_s"] = limits.max_duration_s
    child = ChildLimits(limits.probe_time_s, limits.memory_bytes, PROBE_FILE_BYTES)
    fields = ask(request, room / "probe", child, on_wait)
    return _checked(_PROBE, fields | {"media": media})


def picture_question(path: Path, limits: MediaLimits) -> dict[str, Any]:
    """What is asked about a picture of a child that stays."""
    return {"do": "probe", "path": str(path.resolve()), "max_pixels": limits.max_pixels}


def picture_probe(fields: Mapping[str, Any]) -> Probe:
    """Its answer, checked. Raises UnreadableMedia."""
    return _checked(_PROBE, {**fields, "media": "image"})


def prepare(
    path: Path, found: Probe, room: Path, limits: MediaLimits, on_wait: Callable[[], None] = lambda: None
) -> Prepared:
    """Bring the media under a safe name, upright and of constant rate; a copy only where that is needed.

    Args:
        room: this item's folder; gets `prepare/`.

    Raises:
        As `probe`.
    """
    folder = room / "prepare"
    folder.mkdir()
    turned_png = found.format == "png" and (found.rotation or found.mirrored)
    if found.format == "webp" or turned_png:
        return _as_png(path, found, folder, limits, on_wait)
    if found.media == "video" and (found.rotation or found.mirrored or found.variable_frame_rate):
        return _as_upright_video(path, found, folder, limits, on_wait)
    extension = "jpg" if found.format == "jpeg" else found.format
    safe = folder / f"media.{extension}"
    _link_or_copy(path.resolve(), safe)
    return Prepared(safe, found.frames_promised, None, found.frame_rate, found.duration_s, ())


def _as_png(path: Path, found: Probe, folder: Path, limits: MediaLimits, on_wait: Callable[[], None]) -> Prepared:
    # Many builds of OpenCV, and so of OpenFace, come without WebP; older ones turn JPEGs upright, but no PNGs.
    into = folder / "media.png"
    request = {"do": "convert", "media": "image", "path": str(path.resolve()), "into": str(into)}
    child = ChildLimits(limits.prepare_time_s, limits.memory_bytes, limits.file_bytes)
    _checked(_COPY, ask(request, folder / "child", child, on_wait))
    step = "converted from WebP to PNG" if found.format == "webp" else "turned upright"
    return Prepared(into, 1, 1, None, None, (step,))


def _as_upright_video(
    path: Path, found: Probe, folder: Path, limits: MediaLimits, on_wait: Callable[[], None]
) -> Prepared:
    into = folder / "media.mp4"
    request = {
        "do": "rewrite",
        "media": "video",
        "path": str(path.resolve()),
        "into": str(into),
        "rate": found.rate or "25",
        "resample": bool(found.variable_frame_rate),
        "max_duration_s": limits.max_duration_s,
    }
    seconds = limits.prepare_time_s + limits.prepare_time_per_media_s * (found.duration_s or 0)
    child = ChildLimits(seconds, limits.memory_bytes, limits.file_bytes)
    copy = _checked(_COPY, ask(request, folder / "child", child, on_wait))
    decoded = copy.frames - copy.repeated + copy.dropped
    lost = max(found.frames_promised - decoded, 0)
    return Prepared(into, copy.frames + lost, decoded, found.frame_rate, found.duration_s, tuple(_steps(found, copy)))


def _steps(found: Probe, copy: _Copy) -> list[str]:
    steps = []
    if found.rotation:
        steps.append(f"rotated {found.rotation}° upright")
    if found.mirrored:
        steps.append("mirrored, as its display matrix says")
    if found.variable_frame_rate:
        steps.append(
            f"resampled from variable to {found.frame_rate:.5g} fps: "
            f"{copy.repeated} frames repeated, {copy.dropped} dropped"
        )
    return steps


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links.
        shutil.copyfile(source, target)


def _checked(kind: TypeAdapter[T], fields: dict[str, Any]) -> T:
    """A decoder works on hostile bytes: its numbers are held against ceilings before they are used."""
    try:
        return kind.validate_python({"frames_promised": fields.get("frames"), **fields})
    except ValidationError as error:
        raise UnreadableMedia(f"the decoder's answer makes no sense: {error.error_count()} problems") from error
