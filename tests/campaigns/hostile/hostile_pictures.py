"""Pictures that are broken, lie, swell or pretend."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from random import Random

import cv2
import numpy as np
import pillow_heif
from PIL import Image

from tests.campaigns.hostile.damage import Made, flipped, truncated
from tests.campaigns.hostile.whole_media import PICTURES, bomb, encoded, face, flat_jpeg, picture, png, png_chunk, video
from tests.fixtures.heic_made import grid

pillow_heif.register_heif_opener()

SIDES = ((0, 0), (0, 64), (1, 65535), (65535, 65535), (30000, 30000), (2**31 - 1, 2**31 - 1), (8000, 7000), (64, 63))
"""Widths and heights that are put into headers of pictures of 128 by 128 pixels."""


def picture_bit_flips(rng: Random) -> Iterator[Made]:
    for number in range(60):
        extension = PICTURES[number % 4]
        yield f"flipped.{extension}", flipped(rng, picture(extension))


def picture_truncations(rng: Random) -> Iterator[Made]:
    for number in range(32):
        extension = PICTURES[number % 4]
        yield f"cut.{extension}", truncated(rng, picture(extension))


def picture_swapped_headers(rng: Random) -> Iterator[Made]:
    """The beginning of one format and the rest of another."""
    for ours in PICTURES:
        for other in PICTURES:
            if ours != other:
                place = rng.randrange(4, 60)
                yield f"{ours}-{other}.{ours}", picture(ours)[:place] + picture(other)[place:]


def swapped_names(_: Random) -> Iterator[Made]:
    """One format under the name of another: what is in the file decides."""
    for ours in PICTURES:
        for other in PICTURES:
            if ours != other:
                yield f"{ours}-as.{other}", picture(ours)
    yield "mp4-as.jpg", video("mp4")
    yield "mkv-as.avi", video("mkv")
    yield "avi-as.mp4", video("avi")
    yield "jpg-as.mp4", picture("jpg")
    yield "webp-as.avi", picture("webp")


def picture_lying_dimensions(_: Random) -> Iterator[Made]:
    jpeg, bmp, webp = (picture(extension) for extension in ("jpg", "bmp", "webp"))
    pixels = png_pixels(picture("png"))
    size_of_jpeg = jpeg.index(b"\xff\xc0") + 5
    for width, height in SIDES:
        name = f"{width}x{height}"
        yield f"{name}.png", png(width, height, 8, 2, pixels)
        yield f"{name}.jpg", put(jpeg, size_of_jpeg, ">HH", min(height, 65535), min(width, 65535))
        yield f"{name}.bmp", put(bmp, 18, "<ii", width, height)
        yield f"{name}.webp", put(webp, 26, "<HH", width & 0x3FFF, height & 0x3FFF)
    yield "negative.bmp", put(bmp, 18, "<ii", -128, -(2**31))
    yield "deep.bmp", put(bmp, 28, "<HI", 65535, 0)
    yield (
        "two-sizes.jpg",
        jpeg[: size_of_jpeg - 5]
        + jpeg[size_of_jpeg - 5 : size_of_jpeg + 14]
        + put(jpeg, size_of_jpeg, ">HH", 60000, 60000)[size_of_jpeg - 5 :],
    )


def picture_liars(_: Random) -> Iterator[Made]:
    """A small size where readers of headers look, and a large one where decoders do; of every format."""
    large = 20_000
    jpeg = picture("jpg")
    frame = jpeg.index(b"\xff\xc0")
    second = put(jpeg, frame + 5, ">HH", large, large)[frame : frame + 19]
    yield "second-frame.jpg", jpeg[:-2] + second + jpeg[-2:]
    yield "stray-byte.jpg", jpeg[:2] + b"\xff\xe0\0\x02\0" + second + jpeg[2:]
    header = struct.pack(">IIBBBBB", large, large, 8, 2, 0, 0, 0)
    yield "second-header.png", png(128, 128, 8, 2, png_pixels(picture("png")), png_chunk(b"IHDR", header))
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (63).to_bytes(3, "little") * 2
    body = b"WEBP" + canvas + encoded("webp", np.zeros((4000, 4000, 3), np.uint8))[12:]
    yield "canvas.webp", b"RIFF" + struct.pack("<I", len(body)) + body
    yield "screen.gif", put(of_pillow("GIF", Image.new("P", (9000, 9000))), 6, "<HH", 8, 8)
    frames = [Image.new("L", (64, 48)), Image.new("L", (9000, 9000))]
    yield "second-page.tiff", of_pillow("TIFF", *frames, compression="tiff_deflate")
    tiff = of_pillow("TIFF", frames[1], compression="tiff_deflate")
    yield (
        "pages-disagree.tiff",
        tiff.replace(struct.pack("<HHII", 256, 4, 1, 9000), struct.pack("<HHII", 256, 4, 1, 64)),
    )
    yield "rows.bmp", put(picture("bmp"), 18, "<ii", large, 64)
    yield "grid.heic", grid(rows=15, columns=15, grid_size=(7680, 7680), stated_size=(64, 64))
    yield "grid-far.heic", grid(rows=1, columns=1, grid_size=(large, large), stated_size=(64, 64))
    yield "grid-under-the-limit.heic", grid(rows=15, columns=15, grid_size=(7680, 7680), stated_size=(7680, 7680))
    for kind in ("heic", "avif"):
        coded = of_pillow("HEIF" if kind == "heic" else "AVIF", Image.new("RGB", (2000, 2000)))
        stated = b"ispe" + bytes(4) + struct.pack(">II", 2000, 2000)
        yield f"stated.{kind}", coded.replace(stated, stated[:8] + struct.pack(">II", 64, 64))


def picture_bombs(_: Random) -> Iterator[Made]:
    """Small files that are large once they are unpacked."""
    whole = png_pixels(picture("png"))
    yield "30000x30000.png", png(30000, 30000)
    yield "under-the-limit.png", png(8000, 8000)
    yield "under-the-limit-deep.png", png(7900, 8000, 16, 2, bomb(7900 * 6 * 8000 + 8000))
    yield "text.png", png(128, 128, 8, 2, whole, png_chunk(b"zTXt", b"a\0\0" + bomb(1 << 30)))
    yield "profile.png", png(128, 128, 8, 2, whole, png_chunk(b"iCCP", b"a\0\0" + bomb(1 << 30)))
    yield "international.png", png(128, 128, 8, 2, whole, png_chunk(b"iTXt", b"a\0\1\0\0\0" + bomb(1 << 28)))
    yield "pixels.png", png(128, 128, 8, 2, bomb(1 << 30))
    yield "chunks.png", png(128, 128, 8, 2, whole, *[png_chunk(b"tEXt", b"a\0b")] * 200_000)
    yield "under-the-limit.jpg", flat_jpeg(8000, 8000, 3)
    yield "tall.jpg", flat_jpeg(8, 65500, 1)
    yield "scans.jpg", flat_jpeg(4000, 4000, 3, scans=300)
    yield "restarts.jpg", picture("jpg")[:-2] + b"\xff\xd0" * 1_000_000 + b"\xff\xd9"
    yield "under-the-limit.webp", encoded("webp", np.zeros((7990, 8000, 3), np.uint8), cv2.IMWRITE_WEBP_QUALITY, 101)
    yield "rows.bmp", put(picture("bmp"), 18, "<ii", 1, 60_000_000)


def picture_forms(rng: Random) -> Iterator[Made]:
    """Right, and unusual: CMYK, 16 bits, progressive, one bit, with a palette, with opacity, animated."""
    pixels = face()
    deep = pixels.astype(np.uint16) * 257
    opaque = np.dstack([pixels, np.full(pixels.shape[:2], rng.randrange(256), np.uint8)])
    yield "cmyk.jpg", flat_jpeg(128, 128, 4)
    yield "grey.jpg", encoded("jpg", pixels[:, :, 0])
    yield "progressive.jpg", encoded("jpg", pixels, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    yield "scans.jpg", flat_jpeg(128, 128, 3, scans=3)
    yield "restarts.jpg", encoded("jpg", pixels, cv2.IMWRITE_JPEG_RST_INTERVAL, 1)
    yield "lowest.jpg", encoded("jpg", pixels, cv2.IMWRITE_JPEG_QUALITY, 0)
    yield "16-bit.png", encoded("png", deep)
    yield "16-bit-grey.png", encoded("png", deep[:, :, 0])
    yield "opacity.png", encoded("png", opaque)
    yield "bit.png", png(128, 128)
    yield "palette-without.png", png(128, 128, 8, 3)
    yield "palette.png", png(128, 128, 8, 3, None, png_chunk(b"PLTE", bytes(range(256)) * 3))
    yield "opacity.webp", encoded("webp", opaque)
    yield "grey.bmp", encoded("bmp", pixels[:, :, 0])
    for extension in ("webp", "png", "gif"):
        yield f"animated.{extension}", animated(extension)


def picture_orientations(rng: Random) -> Iterator[Made]:
    for orientation in (*range(10), 255, 65535):
        yield f"exif-{orientation}.jpg", with_exif(picture("jpg"), exif(orientation))
    yield "exif-loop.jpg", with_exif(picture("jpg"), b"II*\0\0\0\0\0" * 20)
    yield "exif-far.jpg", with_exif(picture("jpg"), b"MM\0*\xff\xff\xff\xff")
    yield "exif-many.jpg", with_exif(picture("jpg"), b"II*\0\x08\0\0\0\xff\xff" + rng.randbytes(20_000))
    yield "exif-6.png", png(128, 128, 8, 2, png_pixels(picture("png")), png_chunk(b"eXIf", exif(6)))
    yield "exif-bad.png", png(128, 128, 8, 2, png_pixels(picture("png")), png_chunk(b"eXIf", rng.randbytes(40)))


def picture_sizes(_: Random) -> Iterator[Made]:
    for width, height in ((1, 1), (1, 500), (500, 1), (2, 2), (3, 7), (3840, 2160)):
        for extension in PICTURES:
            pixels = np.full((height, width, 3), 120, np.uint8)
            yield f"{width}x{height}.{extension}", encoded(extension, pixels)


def polyglots(_: Random) -> Iterator[Made]:
    """Two things at once."""
    script = b"<script>fetch('http://127.0.0.1/')</script><?php system('id'); ?>"
    archive = b"PK\x05\x06" + bytes(18)
    box = struct.pack(">I", len(script) + 8) + b"free" + script
    for extension in PICTURES:
        yield f"then-script.{extension}", picture(extension) + script
        yield f"then-zip.{extension}", picture(extension) + archive
        yield f"script-then.{extension}", script + picture(extension)
    yield "script-inside.png", png(128, 128, 8, 2, png_pixels(picture("png")), png_chunk(b"tEXt", b"a\0" + script))
    yield "gif-then.jpg", b"GIF89a/*" + picture("jpg")
    yield "pdf-then.jpg", b"%PDF-1.7\n" + picture("jpg")
    yield "jpg-then-mp4.jpg", picture("jpg") + video("mp4")
    yield "jpg-then-mp4.mp4", picture("jpg") + video("mp4")
    yield "box-then.mp4", box + video("mp4")
    yield "then-box.mp4", video("mp4") + box


def other_formats(rng: Random) -> Iterator[Made]:
    """What phones, scanners and drawing programs make, under its own name and under one that is taken."""
    heif = b"\0\0\0\x18ftyp%s\0\0\0\0mif1" + rng.randbytes(400)
    texts = {
        "gif": encoded("gif", face()),
        "tif": encoded("tiff", face()),
        "heic": heif.replace(b"%s", b"heic"),
        "avif": heif.replace(b"%s", b"avif"),
        "ico": b"\0\0\1\0\1\0\x10\x10" + rng.randbytes(200),
        "psd": b"8BPS\0\1" + rng.randbytes(200),
        "jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + rng.randbytes(200),
        "exr": b"v/1\1\2\0\0\0" + rng.randbytes(200),
        "hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 9999 +X 9999\n" + rng.randbytes(200),
        "ppm": b"P6\n60000 60000\n255\n" + rng.randbytes(200),
        "pdf": b"%PDF-1.7\n" + rng.randbytes(200),
        "flv": b"FLV\1\5\0\0\0\x09" + rng.randbytes(200),
        "swf": b"CWS\x0a" + rng.randbytes(200),
        "exe": b"MZ" + rng.randbytes(200),
        "sh": b"#!/bin/sh\ntouch owned\n",
    }
    for extension, content in texts.items():
        yield f"own.{extension}", content
        yield f"{extension}.jpg", content
        yield f"{extension}.mp4", content


def nothing_at_all(rng: Random) -> Iterator[Made]:
    for extension in ("jpg", "png", "mp4", "avi", "mpg"):
        yield f"empty.{extension}", b""
        yield f"byte.{extension}", b"\xff"
        yield f"zeros.{extension}", bytes(5000)
        yield f"noise.{extension}", rng.randbytes(rng.randrange(100, 20_000))


def put(data: bytes, place: int, form: str, *values: int) -> bytes:
    """The bytes with these numbers written over what is at `place`."""
    changed = bytearray(data)
    struct.pack_into(form, changed, place, *values)
    return bytes(changed)


def png_pixels(data: bytes) -> bytes:
    """The compressed pixels of a PNG."""
    place, found = 8, b""
    while place < len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"IDAT":
            found += data[place + 8 : place + 8 + length]
        place += 12 + length
    return found


def exif(orientation: int) -> bytes:
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)


def with_exif(jpeg: bytes, tiff: bytes) -> bytes:
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def of_pillow(form: str, first: Image.Image, *more: Image.Image, **options: str) -> bytes:
    """Encode one picture, or several in one file."""
    file = io.BytesIO()
    several = {"save_all": True, "append_images": list(more)} if more else {}
    first.save(file, form, **several, **options)
    return file.getvalue()


def animated(extension: str) -> bytes:
    animation = cv2.Animation()
    animation.frames = [face(), cv2.flip(face(), 1)] * 4
    animation.durations = [40] * 8
    done, data = cv2.imencodeanimation(f".{extension}", animation)
    assert done
    return bytes(data.tobytes())
