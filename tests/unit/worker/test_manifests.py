"""A playlist is no video, even where a video follows it in the same file: older readers would follow the playlist."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import UnsupportedMedia
from service.sandbox.media import MediaLimits, probe
from tests.fixtures import clips

LIMITS = MediaLimits(max_pixels=1_000_000, max_duration_s=60)
HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n%s\n#EXT-X-ENDLIST\n"
MANIFESTS = {
    "hls": HLS,
    "concat": b"ffconcat version 1.0\nfile %s\n",
    "dash": b"<?xml version='1.0'?>\n<MPD profiles='urn:mpeg:dash:profile:full:2011'><BaseURL>%s</BaseURL></MPD>",
    "sdp": b"v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=control:%s\n",
    "sdp-first": b"c=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=control:%s\n",
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
@pytest.mark.parametrize("followed_by", ["ts", "mpg", "nothing"])
def test_it_is_refused_in_words(tmp_path: Path, manifest: bytes, followed_by: str) -> None:
    video = b""
    if followed_by != "nothing":
        video = clips.clip(tmp_path / f"a.{followed_by}", frames=40, codec="mpeg2video").read_bytes() * 10
    path = tmp_path / "upload"
    path.write_bytes(manifest % bytes(tmp_path / "other.ts") + b"#" * 300 + video)
    with pytest.raises(UnsupportedMedia, match="playlist or manifest"):
        probe(path, "video", tmp_path, LIMITS)


@pytest.mark.parametrize("followed_by", ["ts", "mpg"])
def test_the_same_without_a_manifest_is_a_video(tmp_path: Path, followed_by: str) -> None:
    video = clips.clip(tmp_path / f"a.{followed_by}", frames=40, codec="mpeg2video").read_bytes() * 10
    path = tmp_path / "upload"
    path.write_bytes(b"#" * 300 + video)
    assert probe(path, "video", tmp_path, LIMITS).format == followed_by
