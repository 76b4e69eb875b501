import pytest
from media_kind import IMAGE_SUFFIXES, SUFFIXES, VIDEO_SUFFIXES, MediaType, is_apple_double, media_of, media_type_of


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
