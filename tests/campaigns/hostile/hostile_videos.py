"""Videos that are broken, lie or have no end."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.campaigns.hostile.damage import Made, flipped, truncated
from tests.campaigns.hostile.hostile_pictures import put
from tests.campaigns.hostile.whole_media import VIDEOS, sound, transport_stream, video
from tests.fixtures import clips

CLAIM = 100_000
"""Frames that a file of a few speaks of."""


def video_bit_flips(rng: Random) -> Iterator[Made]:
    for number in range(63):
        extension = VIDEOS[number % len(VIDEOS)]
        yield f"flipped.{extension}", flipped(rng, video(extension))


def video_truncations(rng: Random) -> Iterator[Made]:
    for number in range(36):
        extension = VIDEOS[number % len(VIDEOS)]
        yield f"cut.{extension}", truncated(rng, video(extension))


def mp4_boxes(rng: Random) -> Iterator[Made]:
    """Boxes that are missing, doubled, nested without end, or larger than the file."""
    whole = video("mp4")
    index = whole.index(b"moov") - 4
    yield "no-moov.mp4", whole[:index]
    yield "only-moov.mp4", whole[:32] + whole[index:]
    yield "two-moov.mp4", whole + whole[index:] * 50
    yield "nested.mp4", whole[:32] + nested(b"moov", 20_000)
    yield "nested-tracks.mp4", whole[:32] + nested(b"trak", 20_000)
    yield "huge-box.mp4", whole[:32] + b"\xff\xff\xff\xffmoov" + whole[index + 8 :]
    yield "endless-box.mp4", whole[:32] + b"\0\0\0\1free" + b"\x7f" + b"\xff" * 7 + whole[32:]
    yield "no-size.mp4", whole[:32] + b"\0\0\0\0mdat" + whole[32:]
    yield "packed-index.mp4", whole[:32] + packed_index(1 << 30, 0xFFFFFFF0)
    yield "packed-index-fair.mp4", whole[:32] + packed_index(1 << 28, 1 << 28)
    for name in (b"stsd", b"stts", b"stsc", b"stsz", b"stco", b"hdlr", b"avcC", b"dinf"):
        yield f"no-{name.decode()}.mp4", whole.replace(name, b"free", 1)
        yield f"many-{name.decode()}.mp4", put(whole, whole.index(name) + 8, ">I", rng.choice((0x7FFFFFFF, 0xFFFFFFFF)))


def strange_clocks(rng: Random) -> Iterator[Made]:
    """0 frames a second, 10,000, and none that is constant."""
    whole, avi = video("mp4"), video("avi")
    steps = whole.index(b"stts")
    yield "0-fps.mp4", put(whole, steps + 16, ">I", 0)
    yield "slow.mp4", put(whole, steps + 16, ">I", 0x7FFFFFFF)
    yield "backwards.mp4", put(whole, steps + 16, ">i", -512)
    yield "no-timescale.mp4", put(whole, whole.index(b"mdhd") + 16, ">I", 0)
    yield "no-movie-timescale.mp4", put(whole, whole.index(b"mvhd") + 16, ">I", 0)
    yield "fast-timescale.mp4", put(whole, whole.index(b"mdhd") + 16, ">I", 0xFFFFFFFF)
    yield "long.mp4", put(whole, whole.index(b"mdhd") + 20, ">I", 0xFFFFFFFF)
    header = avi.index(b"strh") + 8
    yield "0-fps.avi", put(avi, header + 20, "<II", 1, 0)
    yield "no-scale.avi", put(avi, header + 20, "<II", 0, 25)
    yield "fast.avi", put(avi, header + 20, "<II", 1, 0x7FFFFFFF)
    yield "10000-fps.mp4", video("mp4", 20, 96, 96, 10_000)
    yield "10000-fps.mkv", video("mkv", 20, 96, 96, 10_000)
    for number in range(6):
        times = sorted(rng.sample(range(2000 * (1 + number % 3)), 12))
        yield f"variable.{('mp4', 'mkv')[number % 2]}", of_times(times)
    yield "hours-between.mkv", of_times([0, 40, 80, 10_000_000, 10_000_040])
    yield "for-ever.mkv", of_times([0, 40, 80, 10_000_000_000])


def rotation_flags(rng: Random) -> Iterator[Made]:
    whole = video("mp4")
    place = whole.index(b"tkhd") + 44
    for name in ("UPRIGHT", "QUARTER_CLOCKWISE", "HALF", "QUARTER_BACK", "MIRRORED"):
        yield f"{name.lower()}.mp4", put(whole, place, ">9i", *getattr(clips, name))
    yield "zero.mp4", put(whole, place, ">9i", *[0] * 9)
    yield "most.mp4", put(whole, place, ">9i", *[-(2**31)] * 9)
    for _ in range(5):
        yield "any.mp4", put(whole, place, ">9i", *[rng.randrange(-(2**31), 2**31) for _ in range(9)])


def no_pictures(_: Random) -> Iterator[Made]:
    for extension in ("mp4", "mkv", "mov", "avi"):
        yield f"sound.{extension}", sound(extension)
    yield "no-track.mkv", video("mkv")[:300]
    yield "sound-as.jpg", sound("mp4")


def video_sizes(_: Random) -> Iterator[Made]:
    for extension, width, height in (
        ("avi", 2, 2),
        ("mp4", 2, 2),
        ("avi", 1, 1),
        ("avi", 3, 17),
        ("avi", 16, 720),
        ("mp4", 1920, 2),
    ):
        yield f"{width}x{height}.{extension}", video(extension, 5, width, height)
    for extension in ("mp4", "mpg"):
        yield f"4k.{extension}", video(extension, 2, 3840, 2160)
    # Sizes that change in mid-stream.
    yield "changing.mpg", transport_stream(96) + transport_stream(640)
    yield "changing-in-program-stream.mpg", video("mpg") + video("mpg", 8, 640, 480)
    yield "repeated.mpg", transport_stream() * 50


def frame_claims(_: Random) -> Iterator[Made]:
    """Headers that speak of 100,000 frames, of other sizes, of hours."""
    whole, avi, mkv = video("mp4"), video("avi"), video("mkv")
    samples, steps = whole.index(b"stsz"), whole.index(b"stts")
    yield "sizes.mp4", put(whole, samples + 12, ">I", CLAIM)
    yield "steps.mp4", put(whole, steps + 12, ">I", CLAIM)
    yield "one-size.mp4", put(put(whole, samples + 12, ">I", CLAIM), samples + 8, ">I", 1)
    everything = put(put(whole, samples + 12, ">I", CLAIM), samples + 8, ">I", 1)
    everything = put(everything, steps + 12, ">I", CLAIM)
    yield "everything.mp4", put(everything, everything.index(b"stsc") + 16, ">I", CLAIM)
    yield "header.avi", put(avi, avi.index(b"avih") + 8 + 16, "<I", CLAIM)
    yield "stream.avi", put(avi, avi.index(b"strh") + 8 + 32, "<I", CLAIM)
    yield "duration.mkv", put(mkv, mkv.index(b"\x44\x89\x88") + 3, ">d", CLAIM * 40.0)
    yield "infinite.mkv", put(mkv, mkv.index(b"\x44\x89\x88") + 3, ">d", float("inf"))
    yield "not-a-number.mkv", put(mkv, mkv.index(b"\x44\x89\x88") + 3, ">d", float("nan"))
    picture = whole.index(b"avc1") + 28
    for width, height in ((0, 0), (1, 1), (65535, 65535), (30000, 30000)):
        yield f"track-{width}.mp4", put(whole, picture, ">HH", width, height)
        yield f"format-{width}.avi", put(avi, avi.index(b"strf") + 12, "<ii", width, height)


def nested(name: bytes, depth: int) -> bytes:
    """Boxes inside one another."""
    return b"".join(struct.pack(">I", 8 * (depth - number)) + name for number in range(depth))


def packed_index(real: int, claimed: int) -> bytes:
    """A compressed `moov` (QuickTime's `cmov`) that is zeros, and says how many."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(real >> 20)) + packer.flush()
    inner = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", claimed) + data)
    return box(b"moov", box(b"cmov", inner))


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def of_times(times_ms: list[int]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return clips.clip(Path(folder) / "clip.mkv", times_ms=times_ms).read_bytes()
