"""Image or video, posed or wild: decided from what is known about a blob without opening it.

Separate because it is pure, and both the events and the settings need the lists.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

IMAGE_SUFFIXES = frozenset(
    {"jpg", "jpeg", "jpe", "jfif", "png", "bmp", "webp", "heic", "heif", "avif", "tif", "tiff", "gif"}
)
VIDEO_SUFFIXES = frozenset(
    {
        *("mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv"),
        *("mts", "m2ts", "ts", "3gp", "3g2", "flv"),
    }
)
SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES
MEDIA_TYPES = ("posed", "wild")
# macOS writes such a file beside each one that it copies to a disk that is not its own: it holds no picture.
APPLE_DOUBLE_PREFIX = "._"
# Metadata whose names begin so are options of the job.
OPTION_PREFIX = "faceline_"

# Asked only where the suffix is none of the above: a suffix says more than the default that most upload tools send.
_SUFFIX_OF_CONTENT_TYPE = {
    "image/jpeg": "jpg",
    "image/pjpeg": "jpg",
    "image/png": "png",
    "image/bmp": "bmp",
    "image/x-ms-bmp": "bmp",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/avif": "avif",
    "image/tiff": "tiff",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/x-m4v": "m4v",
    "video/quicktime": "mov",
    "video/x-msvideo": "avi",
    "video/avi": "avi",
    "video/x-matroska": "mkv",
    "video/webm": "webm",
    "video/mpeg": "mpg",
    "video/x-ms-wmv": "wmv",
    "video/mp2t": "ts",
    "video/3gpp": "3gp",
    "video/3gpp2": "3g2",
    "video/x-flv": "flv",
}


@dataclass(frozen=True)
class MediaType:
    """`posed` or `wild`, and its source: `metadata`, `folder` or `default`."""

    name: str
    source: str


def media_of(blob: str, content_type: str | None, suffixes: Set[str]) -> str | None:
    """Decide `image` or `video`; None for a blob that is no media to be analysed.

    Args:
        content_type: None where it is not known, which gives None for a name without a known suffix.
        suffixes: those that are taken.
    """
    suffix = suffix_of(blob)
    if suffix not in SUFFIXES:
        suffix = _SUFFIX_OF_CONTENT_TYPE.get((content_type or "").partition(";")[0].strip().lower(), "")
    if suffix not in suffixes:
        return None
    return "image" if suffix in IMAGE_SUFFIXES else "video"


def suffix_of(blob: str) -> str:
    """The file name's suffix in small letters, without its dot; empty where there is none."""
    _, dot, suffix = blob.rpartition("/")[2].rpartition(".")
    return suffix.lower() if dot else ""


def is_apple_double(blob: str) -> bool:
    """Whether the file name is that of an AppleDouble file, such as `._photo.jpg`."""
    return blob.rpartition("/")[2].startswith(APPLE_DOUBLE_PREFIX)


def is_member_of_sequence(metadata: Mapping[str, str]) -> bool:
    """Whether the metadata `media=sequence` says that a picture is part of a sequence, and no job by itself."""
    return any(key.lower() == "media" and value.strip().lower() == "sequence" for key, value in metadata.items())


def media_type_of(blob: str, metadata: Mapping[str, str], default: str) -> MediaType:
    """Take the blob's metadata `media_type`, else the nearest folder of that name, else `default`."""
    for key, value in metadata.items():
        # Storage keeps the case in which the uploader wrote a metadata name.
        if key.lower() == "media_type" and value.strip().lower() in MEDIA_TYPES:
            return MediaType(value.strip().lower(), "metadata")
    for folder in reversed(blob.lower().split("/")[:-1]):
        if folder in MEDIA_TYPES:
            return MediaType(folder, "folder")
    return MediaType(default, "default")


def options_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """Take the job's options that the blob's metadata names: `faceline_au: static` is `au=static`."""
    stated = {name.lower(): value.strip() for name, value in metadata.items()}
    return {name.removeprefix(OPTION_PREFIX): value for name, value in stated.items() if name.startswith(OPTION_PREFIX)}
