import pytest
from media_kind import (
    IMAGE_SUFFIXES,
    SUFFIXES,
    VIDEO_SUFFIXES,
    MediaType,
    is_apple_double,
    is_member_of_sequence,
    media_of,
    media_type_of,
    options_of,
)

from service.jobs.media_kind import CONTENT_TYPES, EXTENSIONS, kind_of
from service.jobs.media_kind import media_type_of as service_media_type_of
from service.jobs.media_kind import options_of as service_options_of
from service.jobs.sequence import is_member_only


@pytest.mark.parametrize(
    ("blob", "content_type", "media"),
    [
        ("a.jpg", "", "image"),
        ("a.jpg", "video/mp4", "image"),
        ("a.txt", "image/jpeg", "image"),
        ("a.txt", "text/plain", None),
        ("a", "image/jpeg", "image"),
        ("a", "Image/HEIC", "image"),
        ("a", "video/quicktime; x=y", "video"),
        ("a", "application/octet-stream", None),
        ("a", None, None),
        ("a.b/c", "image/png", "image"),
    ],
)
def test_suffix_decides_and_else_the_content_type(blob, content_type, media):
    assert media_of(blob, content_type, SUFFIXES) == media


def test_no_suffix_is_of_both_kinds():
    assert not IMAGE_SUFFIXES & VIDEO_SUFFIXES


@pytest.mark.parametrize(
    ("blob", "expected"), [("._a.jpg", True), ("x/._a.jpg", True), ("._x/a.jpg", False), ("a._.jpg", False)]
)
def test_apple_double_files_are_known_by_their_name(blob, expected):
    assert is_apple_double(blob) == expected


@pytest.mark.parametrize(
    ("blob", "metadata", "expected"),
    [
        ("wild/a.jpg", {"media_type": "posed"}, MediaType("posed", "metadata")),
        ("wild/a.jpg", {"Media_Type": " Posed "}, MediaType("posed", "metadata")),
        ("wild/a.jpg", {"media_type": "studio"}, MediaType("wild", "folder")),
        ("x/Posed/y/a.jpg", {}, MediaType("posed", "folder")),
        ("wild/posed/a.jpg", {}, MediaType("posed", "folder")),
        ("posed", {}, MediaType("wild", "default")),
        ("unposed/a.jpg", {"other": "posed"}, MediaType("wild", "default")),
    ],
)
def test_media_type_comes_from_metadata_then_folder_then_default(blob, metadata, expected):
    assert media_type_of(blob, metadata, "wild") == expected


def test_members_of_a_sequence_are_marked_as_the_service_marks_them():
    for metadata in ({"media": "sequence"}, {"Media": " Sequence "}, {"media": "video"}, {"media_type": "sequence"}):
        assert is_member_of_sequence(metadata) == is_member_only(metadata)


@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
def test_every_extension_of_the_service_is_decided_alike(extension):
    name = f"a folder/A.{extension.upper()}"
    assert media_of(name, "application/octet-stream", SUFFIXES) == kind_of(name) == EXTENSIONS[extension]


@pytest.mark.parametrize("content_type", sorted(CONTENT_TYPES))
@pytest.mark.parametrize("name", ["upload", "upload.part", "a.b/upload"])
def test_every_content_type_of_the_service_is_decided_alike(content_type, name):
    assert media_of(name, content_type, SUFFIXES) == kind_of(name, content_type) == CONTENT_TYPES[content_type]


@pytest.mark.parametrize("blob", ["posed/a.jpg", "wild/Posed/a.jpg", "a.jpg", "posed", "x/posed-2/a.jpg"])
@pytest.mark.parametrize("metadata", [{}, {"Media_Type": " POSED "}, {"media_type": "studio"}, {"other": "posed"}])
def test_posed_or_wild_is_decided_as_in_the_service(blob, metadata):
    assert media_type_of(blob, metadata, "wild").name == service_media_type_of(blob, metadata, "wild")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"faceline_au": "static", "media_type": "wild"}, {"au": "static"}),
        ({"Faceline_AU": " static "}, {"au": "static"}),
        ({"au": "static", "my_faceline_au": "dynamic"}, {}),
    ],
)
def test_options_come_from_metadata_with_their_prefix_alone_as_in_the_service(metadata, expected):
    assert options_of(metadata) == service_options_of(metadata) == expected
