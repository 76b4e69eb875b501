"""Playlists, manifests and drawings that name other files and addresses, under their own and under accepted names.

Each is aimed at the canaries of a run, which must be neither opened nor called.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

from tests.campaigns.hostile.damage import Made
from tests.campaigns.hostile.whole_media import transport_stream, video

TEMPLATES = {
    "m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:0.5,\n{target}\n#EXT-X-ENDLIST\n",
    "m3u8-key": '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n'
    "#EXTINF:0.5,\n{target}\n#EXT-X-ENDLIST\n",
    "m3u8-list": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
    "m3u": "#EXTM3U\n#EXTINF:1,a\n{target}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "txt": "file '{target}'\nfile {target}\n",
    "mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" mediaPresentationDuration="PT2S" minBufferTime="PT1S">'
    '<Period><AdaptationSet mimeType="video/mp2t"><Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "ism": '<SmoothStreamingMedia MajorVersion="2"><StreamIndex Type="video" Url="{target}"/></SmoothStreamingMedia>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\na=control:{target}\n",
    "pls": "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
    "asx": '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
    "smil": '<smil><body><video src="{target}"/></body></smil>',
    "qtl": '<?xml version="1.0"?><?quicktime type="application/x-quicktime-media-link"?><embed src="{target}"/>',
    "svg": '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{target}">]>'
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><text>&x;</text>'
    '<image width="9" height="9" xlink:href="{target}"/></svg>',
    "mvg": "push graphic-context\nviewbox 0 0 64 64\nimage over 0,0 0,0 '{target}'\npop graphic-context\n",
    "msl": '<?xml version="1.0"?><image><read filename="{target}"/><write filename="{target}.out"/></image>',
    "xspf": "<playlist><trackList><track><location>{target}</location></track></trackList></playlist>",
    "avs": 'DirectShowSource("{target}")',
}

TARGETS = (
    "{file}",
    "file:{file}",
    "file://{file}",
    "../../../canaries/canary.ts",
    "http://127.0.0.1:{port}/canary.ts",
    "tcp://127.0.0.1:{port}",
    "udp://127.0.0.1:{port}",
    "rtsp://127.0.0.1:{port}/canary",
    "rtmp://127.0.0.1:{port}/canary",
    "ftp://127.0.0.1:{port}/canary.ts",
    "concat:{file}|{file}",
    "subfile,,start,0,end,0,,:{file}",
    "crypto+file:{file}",
    "async:cache:file:{file}",
    "hls+http://127.0.0.1:{port}/canary.m3u8",
    "ephemeral:{file}",
    "https:{file}",
)

ACCEPTED = ("mp4", "avi", "mkv", "mov", "mpg", "wmv", "jpg", "png")


def playlists(rng: Random, file: str, port: int) -> Iterator[Made]:
    """Each template with each target at least once, under an accepted name, and under its own."""
    targets = [target.format(file=file, port=port) for target in TARGETS]
    for number, (name, template) in enumerate(TEMPLATES.items()):
        for target in rng.sample(targets, 4):
            text = template.format(target=target, port=port).encode()
            yield f"{name}.{ACCEPTED[number % len(ACCEPTED)]}", text
        yield f"own.{name.split('-')[0]}", template.format(target=targets[0], port=port).encode()
    for number, target in enumerate(targets):
        for name in ("m3u8", "ffconcat"):
            text = TEMPLATES[name].format(target=target, port=port).encode()
            yield f"{name}.{ACCEPTED[number % len(ACCEPTED)]}", text


def playlists_before_videos(_: Random, file: str, port: int) -> Iterator[Made]:
    """A playlist to some versions of FFmpeg, and a video to others, which read on until they find one."""
    targets = (file, f"http://127.0.0.1:{port}/canary.ts")
    for name, target in product(("m3u8", "ffconcat", "mpd", "sdp"), targets):
        text = TEMPLATES[name].format(target=target, port=port).encode()
        yield f"{name}-then-ts.mpg", text + b"<!--" + transport_stream() * 20
        yield f"{name}-then-ps.mpg", text + b"<!--" + video("mpg") * 20


def references(_: Random, file: str, port: int) -> Iterator[Made]:
    """Containers that name other files: QuickTime's data references, by path and by address."""
    whole = video("mp4")
    place = whole.index(b"dref") - 4
    for extension in ("mp4", "mov"):
        for kind, target in ((b"url ", f"http://127.0.0.1:{port}/canary.mp4"), (b"url ", f"file://{file}")):
            yield f"reference.{extension}", _with_reference(whole, place, kind, target)
        yield f"alias.{extension}", _with_reference(whole, place, b"alis", file)


def hostile_names(_: Random, file: str) -> Iterator[Made]:
    """Names that are commands, options, formulas, addresses or pages to someone."""
    for name in (
        "-rf.mp4",
        "--out.mp4",
        "$(touch owned).mp4",
        "`touch owned`.mp4",
        "; touch owned;.mp4",
        "|touch owned.mp4",
        "a\nb.mp4",
        "=cmd|' touch owned'!A1.mp4",
        "<script>alert(1)</script>.mp4".replace("/", "\u2215"),
        "%d%s%n.mp4",
        "%05d.jpg",
        "*.mp4",
        "http:127.0.0.1.mp4",
        "concat:a|b.mp4",
        "pipe:0.mp4",
        "\u202egpj.mp4",
        "ünï код \U0001f600.mp4",
        "x" * 240 + ".mp4",
        f"{file.replace('/', ':')}.mp4"[-200:],
    ):
        yield name, video("mp4")


def _with_reference(whole: bytes, place: int, kind: bytes, target: str) -> bytes:
    """The file with its `dref` entry pointing elsewhere: written over the box, which stays as long as it was."""
    size = int.from_bytes(whole[place : place + 4], "big")
    entry = (kind + bytes(4) + target.encode())[: size - 20].ljust(size - 20, b"\0")
    changed = whole[: place + 16] + (size - 16).to_bytes(4, "big") + entry + whole[place + size :]
    # The reference itself, whole, where a lenient reader finds it.
    return changed + (len(target) + 20).to_bytes(4, "big") + b"rdrf" + bytes(4) + kind + target.encode() + bytes(4)
