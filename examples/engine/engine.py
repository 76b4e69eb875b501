#!/usr/bin/env python3
"""A complete engine: turn a function from a picture to its faces into OpenFace's three commands.

FaceLandmarkImg, FeatureExtraction and FaceLandmarkVidMulti beside this file are links to it. Replace `find_faces` by
your own function and state in engine.json what it measures; `python -m service doctor --engine examples/engine` judges
it. The contract is in docs/engines.md. Needs OpenCV and NumPy.
"""

import math
import sys
from pathlib import Path

import cv2
import numpy as np

COMMAND = Path(sys.argv[0]).name
UNITS = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45]
MEASURED = [
    *(f"gaze_{part}_{axis}" for part, axes in (("0", "xyz"), ("1", "xyz"), ("angle", "xy")) for axis in axes),
    *(f"eye_lmk_{axis}_{i}" for axis in "xyXYZ" for i in range(56)),
    *(f"pose_{kind}{axis}" for kind in "TR" for axis in "xyz"),
    *(f"{axis}_{i}" for axis in "xyXYZ" for i in range(68)),
    *(f"p_{part}" for part in ("scale", "rx", "ry", "rz", "tx", "ty", *range(34))),
    *(f"AU{unit:02}_r" for unit in UNITS),
    *(f"AU{unit:02}_c" for unit in sorted([*UNITS, 28])),
]
PICTURE = ["face", "confidence", *MEASURED]
VIDEO = ["frame", "face_id", "timestamp", "confidence", "success", *MEASURED]
HAAR = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")


def find_faces(picture: np.ndarray) -> list[dict[str, object]]:
    """Return values by column for each face; here a toy, a Haar detector with 68 points in fixed places of its box."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    boxes, _, weights = HAAR.detectMultiScale3(grey, 1.1, 5, outputRejectLevels=True)
    faces = []
    for (left, top, width, height), weight in zip(boxes, weights, strict=True):
        points = [(left + x * width, top + y * height) for x, y in face_shape()]
        face = {"confidence": f"{min(float(weight) / 6, 1):.3f}"}
        for i, (x, y) in enumerate(points):
            face |= {f"x_{i}": f"{x:.1f}", f"y_{i}": f"{y:.1f}"}
        faces.append(face)
    return faces


def face_shape() -> list[tuple[float, float]]:
    """Return OpenFace's 68 points in a box of side 1: jaw, brows, nose, eyes, mouth."""

    def ring(x: float, y: float, width: float, height: float, count: int) -> list[tuple[float, float]]:
        turns = [math.pi - 2 * math.pi * i / count for i in range(count)]
        return [(x + width * math.cos(turn), y - height * math.sin(turn)) for turn in turns]

    jaw = [(0.5 - 0.38 * math.cos(math.pi * i / 16), 0.45 + 0.5 * math.sin(math.pi * i / 16)) for i in range(17)]
    brows = [(x + 0.05 * i, 0.32 - 0.01 * i * (4 - i)) for x in (0.2, 0.6) for i in range(5)]
    nose = [(0.5, 0.4 + 0.07 * i) for i in range(4)] + [(0.42 + 0.04 * i, 0.66) for i in range(5)]
    eyes = ring(0.32, 0.41, 0.06, 0.025, 6) + ring(0.68, 0.41, 0.06, 0.025, 6)
    return jaw + brows + nose + eyes + ring(0.5, 0.79, 0.14, 0.06, 12) + ring(0.5, 0.79, 0.1, 0.03, 8)


def options(name: str) -> list[str]:
    """Return every value of an option, in order; unknown options are ignored, as OpenFace does."""
    return [sys.argv[i + 1] for i, word in enumerate(sys.argv[:-1]) if word == name]


class Output:
    """The details file and the table of one input; the table begins with its first row."""

    def __init__(self, path: str, number: int) -> None:
        folder = Path(options("-out_dir")[-1])
        folder.mkdir(parents=True, exist_ok=True)
        stems = [Path(name).stem for name in options("-of")]
        self.stem = folder / (stems[number] if number < len(stems) else Path(path).stem)
        self.details = Path(f"{self.stem}_of_details.txt")
        self.details.write_text(f"Input:{path}\nInput full path:{path}\n")
        self.table = None

    def write(self, columns: list[str], values: dict[str, object]) -> None:
        if self.table is None:
            self.table = Path(f"{self.stem}.csv").open("w")  # noqa: SIM115 (closed when the command ends)
            self.table.write(",".join(columns) + "\n")
            with self.details.open("a") as details:
                details.write(f"Output csv:{self.stem.name}.csv\n")
        self.table.write(",".join(str(values.get(column, "")) for column in columns) + "\n")
        self.table.flush()  # the service counts rows to show progress


def picture_command(path: str, number: int) -> int:
    """Measure a picture: a row for each face, and no table without one."""
    picture = cv2.imread(path)
    if picture is None:
        print(f"Error: Could not open the image: {path}")
        return 1
    output = Output(path, number)
    for face, values in enumerate(find_faces(picture)):
        output.write(PICTURE, {"face": face, **values})
    return 0


def video_command(path: str, number: int) -> int:
    """Measure a video: a row for each frame, with several faces for each face."""
    video = cv2.VideoCapture(path)
    if not video.isOpened():
        print(f"Failed to open the video file at location: {path}")
        return 1
    output, rate, frame = Output(path, number), video.get(cv2.CAP_PROP_FPS) or 30, 0
    while (read := video.read())[0]:
        frame += 1
        faces = sorted(find_faces(read[1]), key=lambda face: -float(face["confidence"]))
        row = {"frame": frame, "timestamp": f"{(frame - 1) / rate:.3f}"}
        if COMMAND == "FeatureExtraction":  # one face, and a row for each frame
            faces = faces[:1] or [{"confidence": 0, "success": 0}]
        for slot, values in enumerate(faces[:4]):
            output.write(VIDEO, {**row, "face_id": slot, "success": 1, **values})
    return 0


if __name__ == "__main__":
    act = picture_command if COMMAND == "FaceLandmarkImg" else video_command
    sys.exit(next((code for i, path in enumerate(options("-f")) if (code := act(path, i))), 0))
