"""Options of video readers: they open local files of known containers, and nothing that such a file names.

Playlists and manifests (HLS, DASH, concat …) are formats to FFmpeg, which follows them to other files and over the
network. The decoders here get these options; OpenFace reads by OpenCV, which takes them from its environment.
"""

from __future__ import annotations

DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,mpeg,mpegts,mpegvideo"
"""The demuxers that FFmpeg may use: none of them opens other files."""

FFMPEG_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS}
"""See https://ffmpeg.org/ffmpeg-formats.html#Format-Options and https://ffmpeg.org/ffmpeg-protocols.html."""

ENVIRONMENT = {
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "|".join(f"{name};{value}" for name, value in FFMPEG_OPTIONS.items()),
}
"""Environment that gives these options to OpenCV's reader (https://docs.opencv.org/4.x/d4/d15/group__videoio__flags__base.html)."""
