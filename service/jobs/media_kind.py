"""Decide whether an upload is a picture or a video, and whether it was posed or taken in the wild.

Imported by every decoder, which is started for each media item: imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

Media = Literal["image", "video"]
"""How media is measured: each picture for itself, or frame after frame."""
JobMedia = Literal["image", "video", "sequence"]
"""What a job is about; a sequence is a folder of pictures that are measured as the frames of a video."""
MediaType = Literal["posed", "wild"]


@dataclass(frozen=True)
class MediaFormat:
    """A format that is analysed.

    Attributes:
        name: as people know it.
        extensions: of file names, without dots.
        content_types: the registered one first.
        at_once: whether `/api/*` takes it as well.
    """

    name: str
    media: Media
    extensions: tuple[str, ...]
    content_types: tuple[str, ...]
    at_once: bool = False


FORMATS = (
    MediaFormat("JPEG", "image", ("jpg", "jpeg", "jpe", "jfif"), ("image/jpeg", "image/pjpeg"), at_once=True),
    MediaFormat("PNG", "image", ("png",), ("image/png",), at_once=True),
    MediaFormat("WebP", "image", ("webp",), ("image/webp",), at_once=True),
    MediaFormat("BMP", "image", ("bmp",), ("image/bmp", "image/x-ms-bmp"), at_once=True),
    MediaFormat("HEIC", "image", ("heic", "heif"), ("image/heic", "image/heif"), at_once=True),
    MediaFormat("AVIF", "image", ("avif",), ("image/avif",), at_once=True),
    MediaFormat("TIFF", "image", ("tif", "tiff"), ("image/tiff",), at_once=True),
    MediaFormat("GIF", "image", ("gif",), ("image/gif",)),
    MediaFormat("MP4", "video", ("mp4", "m4v"), ("video/mp4", "video/x-m4v")),
    MediaFormat("QuickTime", "video", ("mov",), ("video/quicktime",)),
    MediaFormat("AVI", "video", ("avi",), ("video/x-msvideo", "video/avi")),
    MediaFormat("Matroska", "video", ("mkv",), ("video/x-matroska",)),
    MediaFormat("WebM", "video", ("webm",), ("video/webm",)),
    MediaFormat("MPEG", "video", ("mpg", "mpeg"), ("video/mpeg",)),
    MediaFormat("Windows Media", "video", ("wmv",), ("video/x-ms-wmv",)),
    MediaFormat("MPEG transport stream", "video", ("mts", "m2ts", "ts"), ("video/mp2t",)),
    MediaFormat("3GP", "video", ("3gp", "3g2"), ("video/3gpp", "video/3gpp2")),
    MediaFormat("Flash Video", "video", ("flv",), ("video/x-flv",)),
)
"""The formats that every entry takes: routes, function, pages, folders, client. The function app has a copy."""

EXTENSIONS: dict[str, Media] = {name: each.media for each in FORMATS for name in each.extensions}
"""Media by the extension of a blob's name."""

CONTENT_TYPES: dict[str, Media] = {name: each.media for each in FORMATS for name in each.content_types}
"""Media by content type, where the name's extension decides nothing."""

CONTENT_TYPE_OF = {name: each.content_types[0] for each in FORMATS for name in each.extensions}
"""Registered content type by extension; systems know few of them, and take `.ts` for something else."""

AT_ONCE = tuple(each for each in FORMATS if each.at_once)
"""Formats of pictures that are answered at once."""


def names_of(formats: Sequence[MediaFormat], conjunction: str) -> str:
    """List the names of formats, as `JPEG, PNG or WebP`."""
    *names, last = (each.name for each in formats)
    return f"{', '.join(names)} {conjunction} {last}"


OPTION_PREFIX = "faceline_"
"""Metadata of an upload whose names begin so are options of its job."""


def kind_of(name: str, content_type: str | None = None) -> Media | None:
    """Return a blob's media by its name's extension, or where that decides nothing by its content type."""
    if is_apple_double(name):
        return None
    _, dot, extension = name.rsplit("/", 1)[-1].rpartition(".")
    kind = EXTENSIONS.get(extension.lower()) if dot else None
    if kind is None and content_type:
        kind = CONTENT_TYPES.get(content_type.split(";")[0].strip().lower())
    return kind


def is_apple_double(name: str) -> bool:
    """Tell whether the file name is that of a companion that macOS writes beside a file: `._photo.jpg` is no photo."""
    return name.rsplit("/", 1)[-1].startswith("._")


def media_type_of(blob: str, metadata: Mapping[str, str], default: MediaType) -> MediaType:
    """Return an upload's media type: from its metadata, else from its nearest such folder, else `default`."""
    # Storage keeps the case in which the uploader wrote a metadata name.
    stated = {name.lower(): value.strip().lower() for name, value in metadata.items()}
    for word in (stated.get("media_type", ""), *reversed(blob.lower().split("/")[:-1])):
        if word in get_args(MediaType):
            return cast(MediaType, word)
    return default


def options_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the job's options that an upload's metadata names: `faceline_au: static` is `au=static`."""
    stated = {name.lower(): value.strip() for name, value in metadata.items()}
    return {name.removeprefix(OPTION_PREFIX): value for name, value in stated.items() if name.startswith(OPTION_PREFIX)}
