"""The table of formats: one for all entries, and no wider than what the decoders read."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.jobs.media_files import find_media
from service.jobs.media_kind import AT_ONCE, CONTENT_TYPE_OF, EXTENSIONS, FORMATS, kind_of, names_of
from service.sandbox.decoders import picture_header, video_probe
from service.web.protocol.pictures import PICTURE_TYPES
from service.web.routes.uploads import _content_type


@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
def test_every_entry_takes_every_format(extension: str, tmp_path: Path) -> None:
    name = f"holiday.{extension.upper()}"
    (tmp_path / name).write_bytes(b"x")
    [found] = find_media([tmp_path]).files
    assert found.media == kind_of(name) == EXTENSIONS[extension]
    content_type = _content_type(name, "application/octet-stream")
    assert content_type == CONTENT_TYPE_OF[extension]
    assert kind_of("without-extension", content_type) == EXTENSIONS[extension]


def test_pictures_of_the_table_are_those_that_the_decoders_read() -> None:
    names = {each.name.lower() for each in FORMATS if each.media == "image"}
    assert names == set(picture_header.FORMATS.values())


@pytest.mark.parametrize("extension", [name for name, media in EXTENSIONS.items() if media == "video"])
def test_the_decoders_know_a_container_for_every_video(extension: str) -> None:
    demuxers = {
        "mp4": "mov",
        "webm": "matroska",
        "wmv": "asf",
        "flv": "flv",
        "avi": "avi",
        "mpg": "mpeg",
        "ts": "mpegts",
    }
    family = {
        **dict.fromkeys(("mp4", "m4v", "mov", "3gp", "3g2"), "mp4"),
        **dict.fromkeys(("mkv", "webm"), "webm"),
        **dict.fromkeys(("ts", "mts", "m2ts"), "ts"),
        **dict.fromkeys(("mpg", "mpeg"), "mpg"),
    }.get(extension, extension)
    assert demuxers[family] in video_probe.FORMATS


def test_requests_that_are_answered_at_once_take_all_still_pictures() -> None:
    assert {each.name for each in FORMATS if each.media == "image"} - {each.name for each in AT_ONCE} == {"GIF"}
    assert {each.content_types[0] for each in AT_ONCE} < set(PICTURE_TYPES)
    assert names_of(AT_ONCE, "or") == "JPEG, PNG, WebP, BMP, HEIC, AVIF or TIFF"
