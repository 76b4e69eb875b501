"""Image or video, posed or wild: decided from what is known about a blob without opening it.

Separate because it is pure, and both the events and the settings need the lists.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

IMAGE_SUFFIXES = frozenset({"jpg", "jpeg", "png", "bmp", "webp"})
VIDEO_SUFFIXES = frozenset({"mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv"})
MEDIA_TYPES = ("posed", "wild")

# Only for names without a suffix; a suffix says more than the default most upload tools send.
_SUFFIX_OF_CONTENT_TYPE = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/bmp": "bmp",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/x-m4v": "m4v",
    "video/quicktime": "mov",
    "video/x-msvideo": "avi",
    "video/x-matroska": "mkv",
    "video/webm": "webm",
    "video/mpeg": "mpg",
    "video/x-ms-wmv": "wmv",
}


@dataclass(frozen=True)
class MediaType:
    """`posed` or `wild`, and what said so: `metadata`, `folder` or `default`."""

    name: str
    said_by: str


def media_of(blob: str, content_type: str, suffixes: Set[str]) -> str | None:
    """`image`, `video`, or None for a blob that is no media we take."""
    file_name = blob.rpartition("/")[2]
    _, dot, suffix = file_name.rpartition(".")
    if not dot:
        suffix = _SUFFIX_OF_CONTENT_TYPE.get(content_type.partition(";")[0].strip().lower(), "")
    suffix = suffix.lower()
    if suffix not in suffixes:
        return None
    return "image" if suffix in IMAGE_SUFFIXES else "video"


def media_type_of(blob: str, metadata: Mapping[str, str], default: str) -> MediaType:
    """The uploader's word in the blob's metadata, else the nearest folder of that name, else `default`."""
    for key, value in metadata.items():
        # Storage keeps the case in which the uploader wrote a metadata name.
        if key.lower() == "media_type" and value.strip().lower() in MEDIA_TYPES:
            return MediaType(value.strip().lower(), "metadata")
    for folder in reversed(blob.lower().split("/")[:-1]):
        if folder in MEDIA_TYPES:
            return MediaType(folder, "folder")
    return MediaType(default, "default")
