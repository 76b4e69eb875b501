"""What a file is: told from its bytes, in a child process."""

import struct
import zlib
from pathlib import Path

import pytest

from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.jobs.media_kind import kind_of
from service.sandbox.media import MediaLimits, Probe, probe
from tests.fixtures import clips

LIMITS = MediaLimits(max_pixels=1_000_000, max_duration_s=60)


def look(path: Path, media: str, limits: MediaLimits = LIMITS) -> Probe:
    room = path.parent / "room"
    room.mkdir()
    return probe(path, media, room, limits)


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("a.jpg", None, "image"),
        ("a/b.c/IMG.JPEG", "video/mp4", "image"),
        ("a.webm", None, "video"),
        ("a.MOV", "application/octet-stream", "video"),
        ("photo", "image/png; charset=x", "image"),
        ("clip.bin", "Video/MP4", "video"),
        ("a.jpg/readme", None, None),
        ("a.gif", None, "image"),
        ("a.HEIC", None, "image"),
        ("photo", "image/avif", "image"),
        ("a.psd", None, None),
        ("table.csv", None, None),
        ("jpg", None, None),
        ("photo.JFIF", None, "image"),
        ("camera.MTS", None, "video"),
        ("a/._photo.jpg", "image/jpeg", None),
        ("", None, None),
    ],
)
def test_kind_follows_extension_then_content_type(name, content_type, kind):
    assert kind_of(name, content_type) == kind


@pytest.mark.parametrize(
    ("name", "format_name"), [("a.jpg", "jpeg"), ("a.png", "png"), ("a.bmp", "bmp"), ("a.webp", "webp")]
)
def test_pictures_are_probed(tmp_path, name, format_name):
    found = look(clips.picture(tmp_path / name), "image")
    assert (found.format, found.width, found.height, found.rotation) == (format_name, 64, 48, 0)
    assert (found.frames, found.frame_rate, found.duration_s) == (1, None, None)


def test_a_picture_is_what_its_bytes_say_not_its_name(tmp_path):
    path = clips.picture(tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert look(path, "image").format == "png"


@pytest.mark.parametrize(("orientation", "rotation"), [(1, 0), (3, 180), (6, 90), (8, 270)])
def test_exif_orientation_gives_the_size_that_the_engine_sees(tmp_path, orientation, rotation):
    found = look(clips.with_orientation(clips.picture(tmp_path / "a.jpg"), orientation), "image")
    upright = (48, 64) if rotation in (90, 270) else (64, 48)
    assert (found.width, found.height, found.rotation) == (*upright, rotation)


def test_one_pixel_is_a_picture(tmp_path):
    assert look(clips.picture(tmp_path / "a.png", 1, 1), "image").width == 1


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp", "a.webp"])
def test_a_picture_cut_short_is_unreadable(tmp_path, name):
    whole = clips.picture(tmp_path / name, 200, 200)
    with pytest.raises(UnreadableMedia, match="cut short"):
        look(clips.cut(whole, tmp_path / f"cut-{name}", 0.7), "image")


@pytest.mark.parametrize("length", range(2, 120, 3))
def test_no_length_of_a_jpeg_header_brings_the_reader_down(tmp_path, length):
    from service.sandbox.decoders.pictures import read_header

    data = clips.with_orientation(clips.picture(tmp_path / "a.jpg"), 6).read_bytes()
    with pytest.raises(UnreadableMedia):
        read_header(data[:length])


@pytest.mark.parametrize("media", ["image", "video"])
@pytest.mark.parametrize("content", [b"", b"not a picture\n" * 50, b"\xff\xd8\xff\xd9", b"BM"])
def test_what_is_no_media_is_unreadable(tmp_path, media, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadableMedia):
        look(path, media)


def test_pictures_of_other_kinds_are_told_by_name(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"%PDF-1.7\n" + b"\0" * 40)
    with pytest.raises(UnsupportedMedia, match="PDF"):
        look(path, "image")


def test_pixels_are_limited_by_the_header_before_decoding(tmp_path):
    path = clips.picture(tmp_path / "a.png")
    data = bytearray(path.read_bytes())
    struct.pack_into(">II", data, 16, 60_000, 60_000)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(MediaTooLarge, match=r"60000 .* 60000 pixels"):
        look(path, "image")


@pytest.mark.parametrize(
    ("name", "codec", "format_name"),
    [
        ("a.mp4", "libx264", "mp4"),
        ("a.mov", "libx264", "mp4"),
        ("a.mkv", "libx264", "mkv"),
        ("a.webm", "libvpx", "mkv"),
        ("a.avi", "mpeg4", "avi"),
        ("a.mpg", "mpeg2video", "mpg"),
        ("a.wmv", "wmv2", "wmv"),
    ],
)
def test_videos_are_probed(tmp_path, name, codec, format_name):
    found = look(clips.clip(tmp_path / name, codec=codec), "video")
    assert (found.format, found.width, found.height, found.rotation) == (format_name, 64, 48, 0)
    assert (found.frames, found.frames_promised) == (20, 20)
    assert found.frame_rate == 25
    assert found.duration_s == pytest.approx(0.8, abs=0.02)
    assert found.variable_frame_rate is False


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_video_cut_short_keeps_its_promise_in_mind(tmp_path, name):
    options = {"movflags": "faststart"} if name == "a.mp4" else {}
    whole = clips.clip(tmp_path / name, frames=100, **options)
    found = look(clips.cut(whole, tmp_path / f"cut-{name}", 0.8), "video")
    assert found.frames < found.frames_promised
    assert found.frames_promised == 100
    assert (found.frame_rate, found.variable_frame_rate) == (25, False)


def test_an_mp4_without_its_index_is_unreadable(tmp_path):
    with pytest.raises(UnreadableMedia):
        look(clips.cut(clips.clip(tmp_path / "a.mp4"), tmp_path / "cut.mp4", 0.5), "video")


def test_sound_alone_is_not_taken(tmp_path):
    with pytest.raises(UnsupportedMedia, match="sound"):
        look(clips.sound(tmp_path / "a.mp4"), "video")


@pytest.mark.parametrize(
    ("matrix", "rotation", "mirrored"),
    [
        (clips.QUARTER_CLOCKWISE, 90, False),
        (clips.HALF, 180, False),
        (clips.QUARTER_BACK, 270, False),
        (clips.MIRRORED, 0, True),
    ],
)
def test_rotation_flags_are_read(tmp_path, matrix, rotation, mirrored):
    found = look(clips.turned(clips.clip(tmp_path / "a.mp4"), tmp_path / "b.mp4", matrix), "video")
    assert (found.rotation, found.mirrored) == (rotation, mirrored)
    assert (found.width, found.height) == ((48, 64) if rotation in (90, 270) else (64, 48))


def test_variable_frame_rate_is_seen(tmp_path):
    times = [0, 20, 40, 60, 80, 500, 520, 540, 1000, 1500]
    found = look(clips.clip(tmp_path / "a.mp4", times_ms=times), "video")
    assert found.variable_frame_rate is True
    # The usual distance, not the mean one.
    assert found.frame_rate == 50
    assert (found.gaps, found.longest_gap_s) == (3, 0.5)
    assert found.duration_s == pytest.approx(1.52)


def test_a_millisecond_clock_is_still_constant(tmp_path):
    times = [round(i * 1000 / 30) for i in range(90)]
    found = look(clips.clip(tmp_path / "a.mkv", times_ms=times, rate=30), "video")
    assert found.variable_frame_rate is False
    assert found.frame_rate == pytest.approx(30, rel=0.01)


def test_a_header_that_lies_about_the_rate_counts_as_variable(tmp_path):
    # OpenFace would believe the header, and every timestamp would be wrong.
    times = [round(i * 1000 / 30) for i in range(90)]
    found = look(clips.clip(tmp_path / "a.mkv", times_ms=times, rate=25), "video")
    assert (found.variable_frame_rate, found.frame_rate) == (True, 30)


def test_limits_of_size_and_duration(tmp_path):
    path = clips.clip(tmp_path / "a.mp4")
    for limits, told in (
        (MediaLimits(max_pixels=1000, max_duration_s=60), "pixels"),
        (MediaLimits(max_pixels=10**6, max_duration_s=0.5), "lasts"),
    ):
        with pytest.raises(MediaTooLarge, match=told):
            look(path, "video", limits)
        (tmp_path / "room" / "probe" / "answer.json").unlink()
        (tmp_path / "room").rename(tmp_path / told)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
    ],
)
def test_playlists_open_no_other_files(tmp_path, text):
    other = clips.clip(tmp_path / "secret.mp4")
    path = tmp_path / "a.mp4"
    path.write_text(text.format(other))
    with pytest.raises(UnsupportedMedia):
        look(path, "video")


def test_a_decoder_has_little_memory_and_time(tmp_path):
    large = clips.picture(tmp_path / "a.png", 12_000, 12_000)
    with pytest.raises((UnreadableMedia, MediaTooLarge)):
        look(large, "image", MediaLimits(10**9, 60, memory_bytes=500 << 20))
    (tmp_path / "room").rename(tmp_path / "first")
    with pytest.raises(UnreadableMedia, match="within"):
        look(large, "image", MediaLimits(10**9, 60, probe_time_s=0.01))
