"""`python -m benchmarks.identity FOLDER`: accuracy and speed of face recognition on your own pictures.

FOLDER has a folder for each person with pictures that show this person alone. Every two faces are compared: those of
one person should be near, those of two should not. Pictures without exactly one face are left out and listed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, write_json
from service.errors import AnalysisError
from service.identity.embedder import Embedder
from service.identity.vectors import THRESHOLD, Embedding, exact
from service.settings import Settings

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
THRESHOLDS = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7)
Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Labelled:
    """A face with its person."""

    person: str
    embedding: Embedding
    seconds: float


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(folder: Path, json_file: Path | None) -> None:
    """Compare every two faces of FOLDER/<person>/<pictures>."""
    console, facts = new_console(), machine()
    console.print(machine_line(facts))
    faces, left_out = look(folder)
    for name, why in left_out.items():
        console.print(f"left out: {name}: {why}")
    same, different = pairs(faces)
    if not len(same) or not len(different):
        raise click.ClickException("two people, and two pictures of at least one of them, are the least to compare")
    figures = judged(same, different) | {"ms_a_face": 1000 * float(np.median([face.seconds for face in faces]))}
    _show(figures)
    console.print(LOAD_DISTORTS)
    write_json(json_file, {"machine": facts, "left_out": left_out, **figures})


def look(folder: Path) -> tuple[list[Labelled], dict[str, str]]:
    """Embed the faces of a folder of folders; returns them, and the reasons why pictures were left out."""
    embedder = Embedder(Settings.load({"WEB_WORKERS": "1", "DETECT_CHILDREN": "1"}))
    faces: list[Labelled] = []
    left_out: dict[str, str] = {}
    try:
        for path in sorted(path for path in folder.glob("*/*") if path.suffix.lower() in SUFFIXES):
            content = path.read_bytes()
            if not faces:
                _started(embedder, content)
            began = time.perf_counter()
            try:
                face = embedder.one_face(content)
            except AnalysisError as error:
                left_out[f"{path.parent.name}/{path.name}"] = error.message
                continue
            faces.append(Labelled(path.parent.name, face.embedding, time.perf_counter() - began))
    finally:
        embedder.close()
    return faces, left_out


def pairs(faces: list[Labelled]) -> tuple[Numbers, Numbers]:
    """Measure the distances of every two faces of one person, and of every two of different people."""
    same: list[float] = []
    different: list[float] = []
    for one, other in combinations(faces, 2):
        (same if one.person == other.person else different).append(exact(one.embedding, other.embedding))
    return np.array(same), np.array(different)


def judged(same: Numbers, different: Numbers) -> dict[str, Any]:
    """Summarise the distances, and the share of pairs judged correctly at each threshold.

    Balanced accuracy is the mean of both kinds' shares: there are always more pairs of different people.
    """
    shares = []
    for threshold in THRESHOLDS:
        found, mistaken = float(np.mean(same < threshold)), float(np.mean(different < threshold))
        accuracy = (found + 1 - mistaken) / 2
        shares.append({"threshold": threshold, "found": found, "mistaken": mistaken, "balanced_accuracy": accuracy})
    return {"same": _spread(same), "different": _spread(different), "thresholds": shares}


def _spread(values: Numbers) -> dict[str, float]:
    low, median, high = np.percentile(values, [5, 50, 95])
    return {"pairs": len(values), "p5": float(low), "median": float(median), "p95": float(high)}


def _started(embedder: Embedder, content: bytes) -> None:
    """Load the models, whose time is not measured."""
    embedder.start()
    try:
        embedder.faces(content)
    except AnalysisError:
        return


def _show(figures: dict[str, Any]) -> None:
    console = new_console()
    distances = Table("distances", "pairs", "5 %", "median", "95 %")
    for kind in ("same", "different"):
        spread = figures[kind]
        distances.add_row(kind, str(spread["pairs"]), *(f"{spread[name]:.3f}" for name in ("p5", "median", "p95")))
    console.print(distances)
    thresholds = Table("threshold", "one person, found", "two people, mistaken", "balanced accuracy")
    for row in figures["thresholds"]:
        name = f"{row['threshold']:g}{' (default)' if row['threshold'] == THRESHOLD else ''}"
        thresholds.add_row(name, *(f"{100 * row[share]:.1f} %" for share in ("found", "mistaken", "balanced_accuracy")))
    console.print(thresholds)
    console.print(f"{figures['ms_a_face']:.0f} ms a picture with one face, at the median")


if __name__ == "__main__":
    main()
