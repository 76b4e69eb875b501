"""What the stand-ins of the OpenFace commands share: the real ones' options, files and words.

One folder a behaviour; the list of folders says how an engine can end. Each command calls one function here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from service.engine.columns import IMAGE_COLUMNS, VIDEO_COLUMNS

COMMAND = Path(sys.argv[0]).name
IMAGE = COMMAND == "FaceLandmarkImg"
COLUMNS = IMAGE_COLUMNS if IMAGE else VIDEO_COLUMNS


current: int | None = None
"""Which of several inputs is in work; None between them."""


def for_each(act: Callable[..., None]) -> Callable[..., None]:
    """One input after the other, as the real commands do."""

    @wraps(act)
    def acted(*arguments: Any) -> None:
        global current
        if current is not None:
            act(*arguments)
            return
        for number in range(sys.argv.count("-f")):
            current = number
            act(*arguments)
        current = None

    return acted


def option(name: str) -> str:
    """The option's value; of several the one of the input in work."""
    places = [place for place, word in enumerate(sys.argv) if word == name]
    return sys.argv[places[(current or 0) if len(places) > 1 else 0] + 1]


def folder() -> Path:
    path = Path(option("-out_dir"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def csv() -> Path:
    return folder() / (Path(option("-of")).stem + ".csv")


def frames() -> int:
    """Frames of the input, as OpenFace would decode them; a picture has one."""
    if IMAGE:
        return 1
    import av

    with av.open(option("-f")) as container:
        return sum(1 for _ in container.decode(video=0))


def details(observed: bool = True) -> None:
    text = f"Input:{option('-f')}\nInput full path:{option('-f')}\nCamera parameters:500,500,320,240\n"
    if observed:
        text += f"Output csv:{csv().name}\nGaze: 1\nAUs: 1\nLandmarks 2D: 1\nLandmarks 3D: 1\n"
        text += "Pose: 1\nShape parameters: 1\n"
    (folder() / (csv().stem + "_of_details.txt")).write_text(text)


def cell(column: str, number: int, face: int = 0, success: int = 1) -> str:
    """A value in the decimals that OpenFace gives this column; faces of higher number are bigger."""
    fixed = {
        "frame": f"{number}",
        "face": f"{face}",
        "face_id": f"{face}",
        "timestamp": f"{(number - 1) / 25:.3f}",
        "confidence": "0.98" if success else "0.02",
        "success": f"{success}",
    }
    if column in fixed:
        return fixed[column]
    if column.startswith("AU"):
        return f"{number % 3 / 2:.2f}" if column.endswith("_r") else f"{number % 2:.2f}"
    if column.startswith(("pose_R", "p_", "gaze_angle")):
        return "0.100"
    if column.startswith("gaze"):
        return "0.577350"
    index = int(column.rpartition("_")[2]) if column[-1].isdigit() else 0
    return f"{100 + index * (face + 1):.1f}"


def row(number: int, face: int = 0, success: int = 1) -> list[str]:
    return [cell(column, number, face, success) for column in COLUMNS]


def write(rows: list[list[str]], separator: str = ",", end: str = "\n") -> None:
    lines = [separator.join(cells) + end for cells in (list(COLUMNS), *rows)]
    csv().write_bytes("".join(lines).encode())


@for_each
def whole(separator: str = ",", end: str = "\n") -> None:
    print(f"Reading the landmark detector/tracker from: {Path(sys.argv[0]).parent}/model/main_ceclm_general.txt")
    details()
    write([row(number) for number in range(1, frames() + 1)], separator, end)


@for_each
def many_faces() -> None:
    """A picture with a small, a big and a middling face, in the order of no size."""
    details()
    write([row(1, face) for face in (0, 2, 1)])


@for_each
def no_face() -> None:
    """A picture leaves its details file only; a video has rows with `success` 0."""
    if IMAGE:
        details(observed=False)
        return
    details()
    write([row(number, success=0) for number in range(1, frames() + 1)])


@for_each
def header_only() -> None:
    details()
    write([])


def silent_success() -> None:
    """Exit 0 and nothing written, as FeatureExtraction does for a missing video."""
    print("Starting tracking")


def crash() -> None:
    print("something went wrong in", option("-f"))
    sys.exit(3)


def full_disk() -> None:
    """The table cannot be written, as Python says it."""
    details()
    Path("/dev/full").write_text("\n".join(COLUMNS))


@for_each
def crash_on_kth(k: int) -> None:
    """Works, but for the k-th picture of this installation: that one run is killed by a segmentation fault.

    The count is kept beside a copy of the command, which a test makes for itself.
    """
    counter = Path(sys.argv[0]).parent / "runs"
    runs = len(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text("." * runs)
    if runs == k:
        os.kill(os.getpid(), signal.SIGSEGV)
    whole()


def killed() -> None:
    """Killed in mid-run, with a table that looks whole and holds raw action units."""
    whole()
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def hang() -> None:
    time.sleep(600)


def ignores_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang()


@for_each
def leaves_children() -> None:
    """Ends well, but something that it started goes on; its number is left in a file."""
    child = subprocess.Popen(["sleep", "600"])
    (folder() / "child.pid").write_text(str(child.pid))
    whole()


def stdout_flood() -> None:
    for _ in range(40):
        sys.stdout.write("frame skipped\n" * 100_000)
        sys.stdout.flush()
        time.sleep(0.02)
    whole()


@for_each
def half_csv() -> None:
    """The table ends in the middle of a row, with exit 0, as on a full disk."""
    whole()
    data = csv().read_bytes()
    csv().write_bytes(data[: len(data) - 1000])


@for_each
def other_columns() -> None:
    """No action-unit models: their columns are absent, and the exit code is 0."""
    kept = [i for i, name in enumerate(COLUMNS) if not name.startswith("AU")]
    details()
    lines = [list(COLUMNS), *(row(number) for number in range(1, frames() + 1))]
    csv().write_text("".join(",".join(cells[i] for i in kept) + "\n" for cells in lines))


@for_each
def legacy_431() -> None:
    """As versions before 2.0: no `face_id`, no eye landmarks, CRLF."""
    kept = [i for i, name in enumerate(VIDEO_COLUMNS) if name != "face_id" and not name.startswith(("eye_", "gaze_a"))]
    names = [VIDEO_COLUMNS[i] for i in kept]
    assert len(names) == 431, len(names)
    csv().write_bytes((", ".join(names) + "\r\n" + ",".join(["0"] * 431) + "\r\n").encode())


@for_each
def nan_inf() -> None:
    """Values that are none: `nan` in the spellings of several platforms, and infinities."""
    cells = row(1)
    place = COLUMNS.index("pose_Rx")
    cells[place : place + 3] = ["nan", "-nan(ind)", "inf"]
    details()
    write([cells])


@for_each
def unmeasured() -> None:
    """An engine that cannot measure AU04 leaves its cells empty."""
    details()
    rows = [row(number) for number in range(1, frames() + 1)]
    for cells in rows:
        cells[COLUMNS.index("AU04_r")] = ""
    write(rows)


@for_each
def short() -> None:
    """Fewer rows than frames and exit 0, as after a decoding error in mid-video."""
    details()
    write([row(number) for number in range(1, frames() // 2 + 1)])


def missing_model() -> None:
    print(f"Reading the landmark detector/tracker from: {Path(sys.argv[0]).parent}/model/main_ceclm_general.txt")
    print("Couldn't open the model file, aborting\nERROR: Could not load the landmark detector")
    sys.exit(1)


@for_each
def slow() -> None:
    """A row every tenth of a second."""
    details()
    with csv().open("w") as out:
        out.write(",".join(COLUMNS) + "\n")
        for number in range(1, frames() + 1):
            out.write(",".join(row(number)) + "\n")
            out.flush()
            time.sleep(0.1)


@for_each
def slow_pictures() -> None:
    """Two seconds a picture."""
    time.sleep(2)
    whole()
