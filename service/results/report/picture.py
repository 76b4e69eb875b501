"""The picture of a report: an uploaded picture, or a frame of a video."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av.error
import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from service.engine.lite.geometry import LEAST_OPENING
from service.errors import UnreadableMedia
from service.results.events import BLINK
from service.results.report.table_reader import EYE_OPENING
from service.sandbox.decoders.pictures import decode
from service.sandbox.decoders.upright import upright
from service.sandbox.decoders.videos import frames, opened, sample_aspect

LONGEST_SIDE = 1000
QUALITY = 82
"""Quality of the JPEG: a picture of LONGEST_SIDE stays well under 300 kB."""
SURE = 0.02
"""Largest distance to the highest confidence that counts as equal."""
OPEN_SHARE = 0.8
"""Least opening of eyes, as a share of the median."""
MISSED_FRAMES = 2.5
"""Frames between the end of a video and the wanted time from which it is not the measured video."""


@dataclass(frozen=True)
class Picture:
    """A picture reduced for display, with the original's size in pixels, in which landmarks are measured."""

    jpeg: bytes
    width: int
    height: int

    @property
    def data_uri(self) -> str:
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


def best_row(table: pd.DataFrame, used: NDArray[np.bool_]) -> int | None:
    """Choose the frame to show, and return its first row; None without rows.

    Among the frames with most faces that pass the gate, those with open eyes, then those of high confidence, and of
    these the one whose head pose is nearest to the median. Where no frame passes, the frame in the middle.
    """
    if not len(table):
        return None
    candidates = table[used]
    if candidates.empty:
        return int(np.flatnonzero(table["frame"] == table["frame"].iloc[len(table) // 2])[0])
    faces = candidates.groupby("frame")["frame"].transform("size")
    candidates = candidates[faces == faces.max()]
    candidates = _with_open_eyes(candidates)
    sure = candidates["confidence"] >= candidates["confidence"].max() - SURE
    angles = candidates.loc[sure, ["pose_Rx", "pose_Ry", "pose_Rz"]].fillna(0.0)
    distance = np.square(angles - angles.median()).sum(axis=1)
    frame = table.loc[distance.idxmin(), "frame"]
    return int(np.flatnonzero(table["frame"] == frame)[0])


def reason(rows: pd.DataFrame) -> str:
    """Say why a frame was chosen, given its rows."""
    eyes = "open eyes" if _eyes_are_open(rows, LEAST_OPENING).all() else "no frame with open eyes"
    return f"{eyes}, high confidence, a head pose near the median"


def _with_open_eyes(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the frames in which the eyes of all faces are open; all frames where there are none such."""
    least = max(LEAST_OPENING, OPEN_SHARE * float(rows[EYE_OPENING].median()))
    all_open = _eyes_are_open(rows, least).groupby(rows["frame"]).transform("all")
    return rows[all_open] if all_open.any() else rows


def _eyes_are_open(rows: pd.DataFrame, least: float) -> pd.Series[bool]:
    """Whether both eyes are open by their landmarks and by AU45; values that were not measured do not close them."""
    return ~(rows[EYE_OPENING] < least) & ~(rows["AU45_r"] >= BLINK.onset)


def picture(path: Path, longest_side: int = LONGEST_SIDE) -> Picture:
    """Decode an uploaded picture, upright. Raises UnreadableMedia."""
    return _reduced(decode(str(path)), longest_side)


def video_frame(path: Path, time_s: float, frame_rate: float, longest_side: int = LONGEST_SIDE) -> Picture:
    """Decode the frame of a video at a time, upright.

    Raises:
        UnreadableMedia: it cannot be decoded, or there is none at that time.
    """
    with opened(str(path)) as (container, stream):
        base = float(stream.time_base or 0) or 1 / frame_rate
        start = stream.start_time or 0
        wanted = start + round(time_s / base)
        with suppress(av.error.FFmpegError):
            # Only saves decoding what comes before; a file that cannot seek is read from its beginning.
            container.seek(wanted, stream=stream)
        found, later = None, False
        for number, frame in enumerate(frames(container, stream)):
            now_s = (frame.pts - start) * base if frame.pts is not None else number / frame_rate
            later = now_s > time_s + 0.5 / frame_rate
            if later:
                break
            found, found_s = frame, now_s
        # Where the frame rate varies a frame is shown until the next one, however long that takes.
        if found is None or (not later and time_s - found_s > MISSED_FRAMES / frame_rate):
            raise UnreadableMedia("the frame that was measured was not found again in the upload")
        shown = next(upright(iter([found]), sample_aspect(stream)))
        return _reduced(shown.to_ndarray(format="bgr24"), longest_side)


def _reduced(pixels: Any, longest_side: int) -> Picture:
    height, width = pixels.shape[:2]
    scale = min(1.0, longest_side / max(width, height))
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    done, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise UnreadableMedia("the picture cannot be written as JPEG")
    return Picture(jpeg.tobytes(), width, height)
