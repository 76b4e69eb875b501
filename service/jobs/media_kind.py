"""Decide from a name and a content type whether a file is a picture or a video."""

from __future__ import annotations

from service.jobs.job import Media

EXTENSIONS: dict[str, Media] = {
    **dict.fromkeys(("jpg", "jpeg", "png", "bmp", "webp"), "image"),
    **dict.fromkeys(("mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv"), "video"),
}
"""Media kind by file name extension."""


CONTENT_TYPES: dict[str, Media] = {
    **dict.fromkeys(("image/jpeg", "image/png", "image/bmp", "image/x-ms-bmp", "image/webp"), "image"),
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
        ),
        "video",
    ),
}
"""Media kind by content type, where the name does not decide."""


def kind_of(name: str, content_type: str | None = None) -> Media | None:
    """Decide by the name's extension, or where that is unknown by the content type."""
    extension = name.rsplit("/", 1)[-1].rpartition(".")[2].lower()
    kind = EXTENSIONS.get(extension)
    if kind is None and content_type:
        kind = CONTENT_TYPES.get(content_type.split(";")[0].strip().lower())
    return kind
