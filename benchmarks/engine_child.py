"""One measurement of the embedded analyser in a process of its own: `python -m benchmarks.engine_child JSON`.

Separate because memory, imports and the CPUs that may be used belong to a process. Imports nothing of weight
before it knows what to measure. The answer is one line of JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_KIB = 1024


def video(file: str, warm_up: str) -> dict[str, Any]:
    """The whole of FeatureExtraction on a clip, decoding and its table included, once the models are loaded."""
    from openface_lite import cli

    with tempfile.TemporaryDirectory(prefix="engine-") as folder, contextlib.redirect_stdout(io.StringIO()):
        cli.main(["FaceLandmarkImg", "-f", warm_up, "-out_dir", folder])
        began, cpu_began = time.perf_counter(), _cpu_s()
        code = cli.main(["FeatureExtraction", "-f", file, "-out_dir", folder, "-of", "clip"])
        seconds, cpu_s = time.perf_counter() - began, _cpu_s() - cpu_began
        lines = (Path(folder) / "clip.csv").read_text("utf-8").splitlines()
    success = lines[0].split(",").index("success")
    faces = sum(line.split(",")[success] == "1" for line in lines[1:])
    return {"exit_code": code, "seconds": seconds, "cpu_s": cpu_s, "frames": len(lines) - 1, "faces": faces}


def _cpu_s() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def photo(file: str, tiles: bool, repeats: int) -> dict[str, Any]:
    """A picture again and again, decoding included, once the models are loaded."""
    from openface_lite import analyse_image

    faces = len(analyse_image(file, tiles=tiles))
    seconds, cpu_s = [], []
    for _ in range(repeats):
        began, cpu_began = time.perf_counter(), time.process_time()
        analyse_image(file, tiles=tiles)
        seconds.append(time.perf_counter() - began)
        cpu_s.append(time.process_time() - cpu_began)
    return {"seconds": seconds, "cpu_s": cpu_s, "faces": faces}


def load(file: str) -> dict[str, Any]:
    """Importing the analyser, the first picture, and the same picture again."""
    began = time.perf_counter()
    import openface_lite.analyse

    imported = time.perf_counter()
    faces = len(openface_lite.analyse.analyse_image(file))
    first = time.perf_counter()
    openface_lite.analyse.analyse_image(file)
    again = time.perf_counter()
    times = {"import_s": imported - began, "first_s": first - imported, "again_s": again - first}
    return {**times, "faces": faces}


def row(file: str, repeats: int) -> dict[str, Any]:
    """The text of one row of a video's table out of a measured face, all columns, again and again."""
    from openface_lite import analyse_image, columns

    found = analyse_image(file)
    groups = columns.video_groups(frozenset(columns.COLUMN_FLAGS))
    values = columns.video_values(1, 0, 0.0, found[0], groups)
    began = time.process_time()
    for _ in range(repeats):
        columns.row(groups, columns.cells(groups, values))
    return {"cpu_s": (time.process_time() - began) / repeats, "faces": len(found)}


MEASUREMENTS = {each.__name__: each for each in (video, photo, load, row)}


def peak_bytes() -> int:
    """Largest resident size so far of this process (proc(5), VmHWM) or of one that it started."""
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _KIB
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return max(started, int(line.split()[1]) * _KIB)
    raise OSError("the kernel tells no VmHWM")


def main() -> None:
    """Measure what the first argument asks for: `do`, `cpus`, and the rest for that function."""
    request = json.loads(sys.argv[1])
    # First of all: libraries count the CPUs when they are imported.
    os.sched_setaffinity(0, request.pop("cpus"))
    answer = MEASUREMENTS[request.pop("do")](**request)
    print(json.dumps(answer | {"peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
