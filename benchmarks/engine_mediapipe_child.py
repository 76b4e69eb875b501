"""One run of MediaPipe's own FaceLandmarker over a clip, in an environment of its own; the answer is a line of JSON.

Run by `benchmarks.engine_beside` with another Python, which has MediaPipe and not this project: imports nothing of it.
Arguments: CPUs with commas between, the task file, the clip. Video mode, one face, blendshapes and head pose on; the
table has a row a frame with all points and blendshapes, as who uses MediaPipe in its place would write it.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from typing import Any


def main() -> None:
    """Bind to the CPUs, load, then time decoding, landmarks and the table."""
    cpus, task, clip = sys.argv[1:4]
    os.sched_setaffinity(0, [int(cpu) for cpu in cpus.split(",")])
    import cv2
    import mediapipe
    import numpy as np
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=task),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    frames = faces = 0
    with vision.FaceLandmarker.create_from_options(options) as landmarker, tempfile.TemporaryFile("w") as table:

        def look(rgb: Any, at_ms: int) -> Any:
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
            return landmarker.detect_for_video(image, at_ms)

        look(np.zeros((480, 640, 3), np.uint8), 0)
        writer = csv.writer(table)
        began, cpu_began = time.perf_counter(), time.process_time()
        capture = cv2.VideoCapture(clip)
        while True:
            is_read, frame = capture.read()
            if not is_read:
                break
            frames += 1
            found = look(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), frames * 33)
            if found.face_landmarks:
                faces += 1
                points = [f"{value:.5f}" for point in found.face_landmarks[0] for value in (point.x, point.y, point.z)]
                shapes = [f"{shape.score:.4f}" for shape in found.face_blendshapes[0]]
                writer.writerow([frames, *points, *shapes])
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    print(json.dumps({"frames": frames, "faces": faces, "seconds": seconds, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
