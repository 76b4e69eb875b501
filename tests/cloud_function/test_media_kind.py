import pytest
from media_kind import IMAGE_SUFFIXES, VIDEO_SUFFIXES, MediaType, media_of, media_type_of

ALL = IMAGE_SUFFIXES | VIDEO_SUFFIXES


@pytest.mark.parametrize(
    ("blob", "content_type", "media"),
    [
        ("a.jpg", "", "image"),
        ("a.jpg", "video/mp4", "image"),
        ("a.txt", "image/jpeg", None),
        ("a", "image/jpeg", "image"),
        ("a", "video/quicktime; x=y", "video"),
        ("a", "application/octet-stream", None),
        ("a.b/c", "image/png", "image"),
    ],
)
def test_media(blob, content_type, media):
    assert media_of(blob, content_type, ALL) == media


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
def test_media_type(blob, metadata, expected):
    assert media_type_of(blob, metadata, "wild") == expected
