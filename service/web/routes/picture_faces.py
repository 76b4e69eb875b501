"""`/jobs/<id>/faces`: the faces of an analysed picture, from its table, for drawing them over it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from service.errors import NotFound
from service.results.manifest_reader import ManifestReader
from service.results.series.layout import AXES, LANDMARKS, VALUES
from service.results.series.store import Series
from service.results.series.window import pixels
from service.web.access.ownership import visible_record
from service.web.protocol.openapi import needs, operation_name, problems
from service.web.routes.faces import ActionUnit, Angles, Axes, Point, Vector
from service.web.routes.jobs import JobPath, manifest_of, published
from service.web.services import services

MOST_FACES = 500
"""Faces of one answer."""

ERRORS = problems(400, 404, 409, 503)

picture_faces = APIBlueprint(
    "picture_faces", __name__, abp_tags=[Tag(name="Viewer")], operation_id_callback=operation_name
)


class HeadOfFace(BaseModel):
    """`pose_T*` and `pose_R*` of the table, in millimetres and degrees, with the head's axes in pixels."""

    translation_mm: Vector
    rotation_deg: Angles
    axes: Axes


class EyeOfFace(BaseModel):
    """Begin and end of one eye's line of sight, in pixels."""

    origin: Point
    end: Point


class GazeOfFace(BaseModel):
    """`gaze_angle_*` of the table, in degrees, with both lines of sight."""

    angle_deg: Point
    eyes: list[EyeOfFace]


class FaceOfPicture(BaseModel):
    """One row of a picture's table."""

    face: int = Field(description="As the table numbers it.")
    confidence: float
    box: list[float] = Field(description="Around the landmarks: x, y, width, height in pixels of the upright picture.")
    landmarks: list[Point]
    head_pose: HeadOfFace | None
    gaze: GazeOfFace | None
    action_units: dict[str, ActionUnit]


class FacesOfPicture(BaseModel):
    """A picture and the faces of its table."""

    width: int = Field(description="Of the upright picture, in pixels, as height.")
    height: int
    faces: list[FaceOfPicture] = Field(description=f"In the order of the table, at most {MOST_FACES}.")


@picture_faces.get(
    "/jobs/<job_id>/faces",
    endpoint="faces",
    responses={200: FacesOfPicture, **ERRORS},
    security=needs("read", own=True),
)
def show_faces(path: JobPath) -> Response:
    """Show the faces of an analysed picture, with the table's numbers and their places in the picture."""
    own = services()
    record = visible_record(path.job_id)
    if record.job.media != "image":
        raise NotFound("only pictures have faces to list; a video has a series", "no_picture")
    place, csv = published(own, record)
    found = own.series.find(record.job, place, csv)
    support = ManifestReader(manifest_of(own, place, csv.metadata.get("attempt", ""))).au_support
    rows = sorted(found.header.faces, key=lambda face: face.face_id)[:MOST_FACES]
    faces = (_face(found, each.face_id, each.first, support) for each in rows)
    body = {"width": found.header.width, "height": found.header.height}
    return jsonify(body | {"faces": [face for face in faces if face]})


def _face(found: Series, number: int, row: int, support: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return one face; None where the row has no landmarks."""
    values = dict(zip(VALUES, found.values[row].astype(float).tolist(), strict=True))
    [numbers] = pixels(found.geometry_at_rows(row, row + 1))
    points: list[list[Any]] = [list(point) for point in zip(numbers[::2], numbers[1::2], strict=True)]
    landmarks, axes, eyes = points[:LANDMARKS], points[LANDMARKS : LANDMARKS + AXES], points[LANDMARKS + AXES :]
    if not _are_known(landmarks):
        return None
    left, top = (min(sides) for sides in zip(*landmarks, strict=True))
    right, bottom = (max(sides) for sides in zip(*landmarks, strict=True))
    return {
        "face": number,
        "confidence": round(values["confidence"], 4),
        "box": [left, top, right - left, bottom - top],
        "landmarks": landmarks,
        "head_pose": _head(values, axes) if _are_known(axes) else None,
        "gaze": _gaze(values, eyes) if _are_known(eyes) else None,
        "action_units": {name: _unit(name, values[name], support) for name in VALUES if name.startswith("AU")},
    }


def _are_known(points: list[list[Any]]) -> bool:
    return all(value is not None for point in points for value in point)


def _head(values: Mapping[str, float], axes: list[list[float]]) -> dict[str, Any]:
    turns = zip(("pitch", "yaw", "roll"), "xyz", strict=True)
    return {
        "translation_mm": [round(values[f"pose_T{axis}"], 1) for axis in "xyz"],
        "rotation_deg": {name: round(math.degrees(values[f"pose_R{axis}"]), 2) for name, axis in turns},
        "axes": dict(zip(("origin", "x", "y", "z"), axes, strict=True)),
    }


def _gaze(values: Mapping[str, float], eyes: list[list[float]]) -> dict[str, Any] | None:
    """Return the gaze; None where the table has no angles, since JSON has no number for them."""
    if not all(math.isfinite(values[f"gaze_angle_{axis}"]) for axis in "xy"):
        return None
    lines = [{"origin": eyes[i], "end": eyes[i + 1]} for i in (0, 2)]
    return {"angle_deg": [round(math.degrees(values[f"gaze_angle_{axis}"]), 2) for axis in "xy"], "eyes": lines}


def _unit(name: str, value: float, support: Mapping[str, Any]) -> dict[str, Any]:
    kind = "intensity" if name.endswith("_r") else "presence"
    return {kind: round(value, 4) if math.isfinite(value) else None, "support": support.get(name, "supported")}
