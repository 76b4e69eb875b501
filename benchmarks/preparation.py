"""`python -m benchmarks.preparation`: seconds of the copy for the engine, beside the engine's own.

Each clip asks for another kind of copy: pixels that are no squares, a region, a second picture track, or none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import click
import cv2
import numpy as np

from benchmarks.bound import Bound
from benchmarks.judged import Judged, show_and_write
from benchmarks.media import clip
from benchmarks.site import scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local import demo_media
from infra.local.stack import REPOSITORY

AIM = 0.5
"""Largest share of the engine's own time that a copy may take."""
SIZES = {"480p": (640, 480), "1080p": (1440, 1080)}


@dataclass(frozen=True)
class Case:
    """A clip, how it is made, and the options with which it is analysed."""

    name: str
    aspect: Fraction = Fraction(1)
    tracks: int = 1
    options: Sequence[str] = ()
    is_copied: bool = True


CASES = (
    Case("no copy", is_copied=False),
    Case("pixels of 4:3", aspect=Fraction(4, 3)),
    Case("a region", options=("--region", "10,10,400,400")),
    Case("a second track", tracks=2),
)


@click.command()
@click.option("--seconds", type=click.IntRange(1), default=10, show_default=True, help="Length of each clip.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(seconds: int, json_file: Path | None) -> None:
    """Measure how long copies take."""
    console, facts = new_console(), machine()
    console.print(machine_line(facts))
    figures = []
    with scratch_folder() as folder, console.status("analysing"):
        for label, size in SIZES.items():
            for case in CASES:
                media = _made(folder / f"{label} {case.name.replace(':', ' to ')}.mp4", size, seconds, case)
                prepare_s, engine_s = _measured(media, folder / "out", case.options)
                bound = Bound(at_most=AIM) if case.is_copied else None
                name = f"{label}, {case.name}"
                figures.append(Judged(f"{name}: prepare to engine", "times", prepare_s / engine_s, bound))
                figures.append(Judged(f"{name}: prepare", "s", prepare_s))
                figures.append(Judged(f"{name}: engine", "s", engine_s))
    show_and_write(console, json_file, "preparation", facts, figures)


def _made(path: Path, size: tuple[int, int], seconds: int, case: Case) -> Path:
    with av.open(str(clip(2))) as source:
        frames = [frame.to_ndarray(format="bgr24") for frame in source.decode(video=0)]
    pictures = [np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC), np.uint8) for frame in frames]
    wanted = islice(cycle([*pictures, *reversed(pictures)]), seconds * demo_media.FRAME_RATE)
    with av.open(str(path), "w") as file:
        tracks = []
        for _ in range(case.tracks):
            track = file.add_stream("libx264", rate=demo_media.FRAME_RATE, options={"crf": "18", "preset": "veryfast"})
            track.width, track.height, track.pix_fmt = *size, "yuv420p"
            track.codec_context.sample_aspect_ratio = case.aspect
            tracks.append(track)
        for number, picture in enumerate(wanted):
            # A further track is the thumbnail of a film, of one frame.
            for track in tracks if number == 0 else tracks[:1]:
                file.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        for track in tracks:
            file.mux(track.encode())
    return path


def _measured(media: Path, out: Path, options: Sequence[str]) -> tuple[float, float]:
    """Analyse a file by the command; return the seconds of preparation and engine."""
    argv = [sys.executable, "-m", "service", "analyse", str(media), "--out", str(out), "--json", *options]
    done = subprocess.run(argv, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    seconds = json.loads(done.stdout)["manifest"]["seconds"]
    return seconds["prepare"], seconds["engine"]


if __name__ == "__main__":
    main()
