"""OpenFace reads videos by OpenCV: with our environment its reader follows no playlist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.engine.run import run_engine
from service.sandbox.ffmpeg_options import ENVIRONMENT
from tests.fixtures import clips
from tests.fixtures.jobs import LIMITS, MediaItem, engine, task

OPENED = "import cv2, sys; sys.exit(0 if cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG).isOpened() else 3)"


def _opens(path: Path, environment: dict[str, str]) -> bool:
    done = subprocess.run([sys.executable, "-c", OPENED, str(path)], env={**os.environ, **environment}, timeout=60)
    assert done.returncode in (0, 3)
    return done.returncode == 0


def _hls(folder: Path) -> Path:
    clips.clip(folder / "segment.ts", codec="mpeg2video")
    playlist = folder / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.8,\nsegment.ts\n#EXT-X-ENDLIST\n")
    return playlist


def _concat(folder: Path) -> Path:
    clips.clip(folder / "segment.mp4")
    playlist = folder / "list.mp4"
    playlist.write_text("ffconcat version 1.0\nfile segment.mp4\n")
    return playlist


@pytest.mark.parametrize("playlist", [_hls, _concat])
def test_playlists_are_followed_without_it_and_not_with_it(tmp_path, playlist):
    path = playlist(tmp_path)
    assert _opens(path, {})
    assert not _opens(path, ENVIRONMENT)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi"])
def test_what_we_take_is_still_read(tmp_path, name):
    assert _opens(clips.clip(tmp_path / name), ENVIRONMENT)


def test_the_engine_gets_it(tmp_path):
    room = tmp_path / "room"
    room.mkdir()
    item = MediaItem(clips.picture(room / "media.jpg"), 1)
    done = run_engine(engine("tells_environment"), task(), item, room, LIMITS)
    told = done.log.read_text().splitlines()
    assert all(f"{name}={value}" in told for name, value in ENVIRONMENT.items())
