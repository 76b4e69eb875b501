"""`python -m benchmarks.profiles`: faces turned aside, found or not, and how far their points are off.

The portrait of this repository is turned in space: its points have depths, and its skin is drawn anew as seen from the
side. So the right points are known, which no photo tells. A drawn face has no hair, ears and back of the head: real
profiles may be found more often, or less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.site import run_benchmark
from benchmarks.told import machine, new_console, write_json
from infra.local.demo import PORTRAIT
from openface_lite import Face, analyse_image
from openface_lite.landmarks import face_points

Image = NDArray[np.uint8]
Points = NDArray[np.float64]

YAWS = (0, 30, 45, 52, 60, 67, 75, 90)
ROLLS = (-30, -15, 0, 15, 30)
_CANVAS = 480
_SKIN = 468
_LEFT_CORNER, _RIGHT_CORNER = 36, 45


@dataclass(frozen=True)
class View:
    """A drawn face and its 68 points (68, 2)."""

    pixels: Image
    points: Points


@click.command()
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(json_file: Path | None) -> None:
    """Count the turned faces that are found, and measure their points."""
    console = new_console()

    def measure() -> None:
        rows = [_row(yaw) for yaw in YAWS]
        table = Table(title="faces turned aside, to both sides and at five rolls")
        for head in ("yaw, degrees", "found", "68 points off, % of the eyes' distance, median", "at most"):
            table.add_column(head)
        for row in rows:
            found = f"{row['found']} of {row['views']}"
            off = ("-" if row[name] is None else f"{row[name]:.1f}" for name in ("points_off", "points_off_most"))
            table.add_row(str(row["yaw"]), found, *off)
        console.print(table)
        write_json(json_file, {"benchmark": "profiles", "machine": machine(), "figures": rows})

    run_benchmark(console, measure)


def _row(yaw: int) -> dict[str, Any]:
    portrait = portrait_points()
    views = [view for side in ((1, -1) if yaw else (1,)) for view in _views(portrait, side * yaw)]
    off = [points_off(face, view, portrait) for view in views if (face := _face_in(view))]
    middle, most = (float(np.median(off)), max(off)) if off else (None, None)
    return {"yaw": yaw, "views": len(views), "found": len(off), "points_off": middle, "points_off_most": most}


def _face_in(view: View) -> Face | None:
    faces = analyse_image(view.pixels)
    middle = view.points.mean(axis=0)
    return next(
        (face for face in faces if np.linalg.norm(face.landmarks_2d.mean(axis=0) - middle) < face.size / 2), None
    )


def points_off(face: Face, view: View, portrait: Points) -> float:
    """Against the distance that the eyes have from the front: that of a profile shrinks to nothing."""
    front = face_points(portrait)[:, :2]
    eyes = np.linalg.norm(front[_RIGHT_CORNER] - front[_LEFT_CORNER]) * _scale()
    return float(100 * np.linalg.norm(face.landmarks_2d - view.points, axis=1).mean() / eyes)


@cache
def portrait_points() -> Points:
    """Return the portrait's points with their depths."""
    [face] = analyse_image(PORTRAIT)
    return np.asarray(face.mesh.points)


def _scale() -> float:
    portrait = portrait_points()
    return 0.45 * _CANVAS / float(np.ptp(portrait[:, 1]))


def _views(portrait: Points, yaw: int) -> Iterator[View]:
    picture = np.asarray(cv2.imread(str(PORTRAIT)), np.uint8)
    for roll in ROLLS:
        yield drawn(picture, portrait, yaw, roll)


def drawn(picture: Image, points: Points, yaw: int, roll: int) -> View:
    """Turn the points, and draw each triangle of the skin that shows, the far ones first."""
    turned = (points - points[:_SKIN].mean(axis=0)) @ _turn(yaw, roll).T * _scale()
    turned[:, :2] += _CANVAS / 2
    canvas = np.full((_CANVAS, _CANVAS, 3), (96, 104, 112), np.uint8)
    triangles = _triangles(points)
    for triangle in sorted(triangles, key=lambda corners: -turned[list(corners), 2].mean()):
        corners = list(triangle)
        source, target = points[corners, :2], turned[corners, :2]
        if _area(source) * _area(target) > 0:
            _draw(picture, canvas, source, target)
    return View(canvas, np.asarray(face_points(turned)[:, :2], np.float64))


def _turn(yaw: int, roll: int) -> Points:
    y, z = np.radians(yaw), np.radians(roll)
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y)


def _triangles(points: Points) -> list[tuple[int, int, int]]:
    """A triangulation of the skin as the portrait shows it (Delaunay)."""
    flat = points[:_SKIN, :2].astype(np.float32)
    low, high = flat.min(axis=0) - 1, flat.max(axis=0) + 1
    division = cv2.Subdiv2D((int(low[0]), int(low[1]), int(high[0] - low[0]) + 2, int(high[1] - low[1]) + 2))
    division.insert(flat.tolist())
    number = {(float(x), float(y)): place for place, (x, y) in enumerate(flat)}
    corners = np.asarray(division.getTriangleList()).reshape(-1, 3, 2)
    found = [tuple(number.get((float(x), float(y)), -1) for x, y in triangle) for triangle in corners]
    return [(a, b, c) for a, b, c in found if min(a, b, c) >= 0]


def _area(corners: Points) -> float:
    (ax, ay), (bx, by), (cx, cy) = corners
    return float((bx - ax) * (cy - ay) - (cx - ax) * (by - ay))


def _draw(picture: Image, canvas: Image, source: Points, target: Points) -> None:
    low = np.floor(target.min(axis=0)).astype(int) - 1
    width, height = (np.ceil(target.max(axis=0)).astype(int) + 2 - low).tolist()
    matrix = cv2.getAffineTransform(source.astype(np.float32), (target - low).astype(np.float32))
    patch = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round((target - low) * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    part = canvas[low[1] : low[1] + height, low[0] : low[0] + width]
    part[mask > 0] = patch[: part.shape[0], : part.shape[1]][mask[: part.shape[0], : part.shape[1]] > 0]


if __name__ == "__main__":
    main()
