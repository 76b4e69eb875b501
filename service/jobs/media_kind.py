"""Decide whether an upload is a picture or a video, and whether it was posed or taken in the wild."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from service.jobs.options import Media, MediaType

EXTENSIONS: dict[str, Media] = {
    **dict.fromkeys(
        ("jpg", "jpeg", "jpe", "jfif", "png", "bmp", "webp", "heic", "heif", "avif", "tif", "tiff", "gif"), "image"
    ),
    **dict.fromkeys(
        ("mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "mts", "m2ts", "ts", "3gp", "3g2", "flv"),
        "video",
    ),
}
"""Media by the extension of a blob's name."""


CONTENT_TYPES: dict[str, Media] = {
    **dict.fromkeys(
        (
            "image/jpeg",
            "image/png",
            "image/bmp",
            "image/x-ms-bmp",
            "image/webp",
            "image/heic",
            "image/heif",
            "image/avif",
            "image/tiff",
            "image/gif",
        ),
        "image",
    ),
    **dict.fromkeys(
        (
            "video/mp4",
            "video/x-m4v",
            "video/quicktime",
            "video/x-msvideo",
            "video/avi",
            "video/x-matroska",
            "video/webm",
            "video/mpeg",
            "video/x-ms-wmv",
            "video/mp2t",
            "video/3gpp",
            "video/3gpp2",
            "video/x-flv",
        ),
        "video",
    ),
}
"""Media by content type, where the name's extension decides nothing."""


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
