#!/usr/bin/env python3
"""Run OpenFace's commands on a picture of a face and check the files and numbers that they write.

    docker run --rm -v "$PWD/tests/fixtures/media:/media:ro" openface-base smoke-test /media/astronaut.png

The first thing to run on a new image: 711 and 714 columns prove that the landmark, eye and action-unit models were
read, since OpenFace leaves the columns of a missing model out and exits 0 all the same. Needs Python's standard
library only.
"""

import csv
import hashlib
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

BIN_DIR = Path(os.environ.get("OPENFACE_BIN_DIR", "/opt/openface/bin"))
COLUMN_GROUPS = ("-2Dfp", "-3Dfp", "-pdmparams", "-pose", "-aus", "-gaze")
PICTURE_COLUMNS, VIDEO_COLUMNS = 711, 714
TIME_S = 300
ASTRONAUT = "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"
RANGES = {"yaw": (-10.0, 10.0), "AU12_r": (1.0, 5.0), "confidence": (0.75, 1.0)}
"""What the astronaut's numbers must be within; yaw in degrees."""


class Failed(Exception):
    """A command did not do what it must."""


@dataclass
class Run:
    """One run of a command: its output, its seconds, and its tables by stem (None: it wrote no table)."""

    name: str
    returncode: int
    output: str
    seconds: float
    tables: dict[str, "list[dict[str, str]] | None"] = field(default_factory=dict)

    def rows(self, stem: str, columns: int) -> "list[dict[str, str]]":
        """Return the table's rows. Raises Failed."""
        rows = self.tables[stem]
        if self.returncode:
            raise Failed(f"{self.name}: exit code {self.returncode}\n{self.output[-2000:]}")
        if not rows:
            raise Failed(f"{self.name}: found no face\n{self.output[-2000:]}")
        if len(rows[0]) != columns:
            raise Failed(f"{self.name}: wrote {len(rows[0])} columns, not {columns}")
        return rows


def run(name: str, command: str, out: Path, inputs: "list[str]", stems: "list[str]", *options: str) -> Run:
    """Run a command as the service does, with its tables in a folder of their own."""
    out = out / name.replace(" ", "-")
    out.mkdir()
    argv = [str(BIN_DIR / command), *inputs, "-out_dir", str(out)]
    for stem in stems:
        argv += ["-of", f"{stem}.csv"]
    # Nested threads make OpenFace slower, and OpenBLAS abort on hosts with many cores.
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    began = time.monotonic()
    ended = subprocess.run(
        [*argv, *COLUMN_GROUPS, *options],
        cwd=out,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=TIME_S,
        check=False,
    )
    tables = {stem: read(out / f"{stem}.csv") for stem in stems}
    return Run(name, ended.returncode, ended.stdout, time.monotonic() - began, tables)


def read(path: Path) -> "list[dict[str, str]] | None":
    """Read a table in either dialect of OpenFace; None where there is none."""
    if not path.is_file():
        return None
    with path.open(newline="") as file:
        header, *rows = list(csv.reader(file, skipinitialspace=True)) or [[]]
    return [dict(zip((name.strip() for name in header), row, strict=False)) for row in rows]


def numbers(row: "dict[str, str]") -> "dict[str, float]":
    """Select the numbers that are shown and compared; columns that the engine leaves empty are left out."""
    found = {name: float(row[name]) for name in ("confidence", "success", "AU12_r") if row.get(name, "").strip()}
    if row.get("pose_Ry", "").strip():
        found["yaw"] = math.degrees(float(row["pose_Ry"]))
    intensities = [cell for name, cell in row.items() if name.startswith("AU") and name.endswith("_r")]
    found["units"] = float(sum(1 for cell in intensities if cell.strip() and float(cell)))
    return found


def check_numbers(name: str, row: "dict[str, str]", is_astronaut: bool) -> "dict[str, float]":
    """Check one face's numbers. Raises Failed."""
    found = numbers(row)
    if not found["units"]:
        raise Failed(f"{name}: every action unit's intensity is 0")
    if found.get("success", 1.0) != 1.0:
        raise Failed(f"{name}: success is {row['success']}")
    for column, (low, high) in RANGES.items() if is_astronaut else ():
        if column in found and not low <= found[column] <= high:
            raise Failed(f"{name}: {column} is {found[column]:.2f}, not within {low:g} to {high:g}")
    return found


def show(name: str, columns: int, rows: int, seconds: float, found: "dict[str, float]") -> None:
    """Print one line of the table."""
    cells = "".join(
        f"{found[column]:>11.2f}" if column in found else f"{'-':>11}"
        for column in ("confidence", "success", "yaw", "AU12_r", "units")
    )
    print(f"ok: {name:<26}{columns:>8}{rows:>6}{seconds:>8.1f}{cells}", flush=True)


def pictures(picture: Path, folder: Path, is_astronaut: bool) -> None:
    """Check FaceLandmarkImg: alone, with -wild, two in a run, and an unreadable one between two. Raises Failed."""
    alone = run("FaceLandmarkImg", "FaceLandmarkImg", folder, ["-f", str(picture)], ["a"])
    for name, made in (
        ("FaceLandmarkImg", alone),
        ("FaceLandmarkImg -wild", run("wild", "FaceLandmarkImg", folder, ["-f", str(picture)], ["a"], "-wild")),
    ):
        rows = made.rows("a", PICTURE_COLUMNS)
        show(name, len(rows[0]), len(rows), made.seconds, check_numbers(name, rows[0], is_astronaut))

    two = run("two pictures", "FaceLandmarkImg", folder, ["-f", str(picture), "-f", str(picture)], ["a", "b"])
    first, second = two.rows("a", PICTURE_COLUMNS), two.rows("b", PICTURE_COLUMNS)
    if not first == second == alone.tables["a"]:
        raise Failed("two pictures in one run: their numbers differ from those of a run alone")
    show("two pictures in one run", len(first[0]), len(first) + len(second), two.seconds, numbers(first[0]))

    bad = folder / "unreadable.png"
    bad.write_bytes(b"no picture")
    inputs = [word for path in (picture, bad, picture) for word in ("-f", str(path))]
    broken = run("an unreadable picture", "FaceLandmarkImg", folder, inputs, ["a", "bad", "b"])
    if broken.returncode == 0 or f"Could not open the image: {bad}" not in broken.output:
        raise Failed(
            f"an unreadable picture: exit code {broken.returncode}, and it is not named\n{broken.output[-2000:]}"
        )
    if broken.tables["a"] != first or broken.tables["bad"] or broken.tables["b"]:
        raise Failed("an unreadable picture: the picture before it is not whole, or a later one was measured")
    show("unreadable one between two", len(first[0]), len(first), broken.seconds, numbers(first[0]))


def sequences(picture: Path, folder: Path, is_astronaut: bool) -> None:
    """Check both commands of videos on a sequence of three frames. Raises Failed."""
    frames = folder / "frames"
    frames.mkdir()
    for number in range(3):
        shutil.copy(picture, frames / f"frame_{number}{picture.suffix}")
    for command, options in (("FeatureExtraction", ["-au_static"]), ("FaceLandmarkVidMulti", [])):
        if not os.access(BIN_DIR / command, os.X_OK):
            print(f"--: {command:<26}not installed")
            continue
        made = run(command, command, folder, ["-fdir", str(frames)], ["v"], *options)
        rows = made.rows("v", VIDEO_COLUMNS)
        found = [check_numbers(command, row, is_astronaut) for row in rows]
        show(command, len(rows[0]), len(rows), made.seconds, found[-1])


def main() -> int:
    """Run all; return the exit code."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        print("usage: smoke-test PICTURE", file=sys.stderr)
        return 2
    picture = Path(sys.argv[1]).resolve()
    cpu_check = BIN_DIR.parent / "cpu-check"
    if cpu_check.exists() and subprocess.run([cpu_check], check=False).returncode:
        return 1
    is_astronaut = hashlib.sha256(picture.read_bytes()).hexdigest() == ASTRONAUT
    print(
        f"{'':30}{'columns':>8}{'rows':>6}{'s':>8}"
        + "".join(f"{name:>11}" for name in ("confidence", "success", "yaw", "AU12_r", "units > 0"))
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            pictures(picture, Path(folder), is_astronaut)
            sequences(picture, Path(folder), is_astronaut)
    except (Failed, OSError, ValueError, subprocess.TimeoutExpired) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    print(
        "OpenFace works here" + ("" if is_astronaut else "; another picture than the astronaut: no ranges were checked")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
