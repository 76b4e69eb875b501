"""`/api/detect` and `/api/analyse-image`: analyse one picture within the request."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.engine.lite.interactive import DetectRequest, DetectResult, DrawnAs
from service.jobs.media_kind import AT_ONCE, names_of
from service.settings import Settings
from service.web.protocol.bodies import takes_body
from service.web.protocol.openapi import Parameters, needs, operation_name, optional, problems
from service.web.protocol.pictures import body_limit, describe_body, one_picture_content, read_pictures, request_body
from service.web.services import services

ERRORS = problems(400, 408, 413, 415, 503)
NEEDS = needs("analyse", own=True)
DRAWN_TYPES: dict[str, DrawnAs] = {"image/png": ".png", "image/jpeg": ".jpg"}

faces = APIBlueprint("faces", __name__, abp_tags=[Tag(name="Faces at once")], operation_id_callback=operation_name)

Pixel = Annotated[list[int], Field(min_length=2, max_length=2, description="x, y in pixels.")]
Point = Annotated[list[float], Field(min_length=2, max_length=2, description="x, y in pixels.")]
Vector = Annotated[list[float], Field(min_length=3, max_length=3)]


class KeyPoints(BaseModel):
    """Five key points; left and right are those of the image."""

    left_eye: Pixel
    right_eye: Pixel
    nose: Pixel
    mouth_left: Pixel
    mouth_right: Pixel


class FoundFace(BaseModel):
    """One face, in whole pixels of the upright picture."""

    box: Annotated[list[int], Field(min_length=4, max_length=4, description="x, y, width, height.")]
    confidence: float = Field(ge=0, le=1)
    keypoints: KeyPoints


class Axes(BaseModel):
    """Projections of the head's axes, 60 mm long: to the right, down, and out of the face."""

    origin: Point
    x: Point
    y: Point
    z: Point


class Angles(BaseModel):
    """Head rotation in degrees, with OpenFace's signs."""

    pitch: float
    yaw: float
    roll: float


class HeadPose(BaseModel):
    """OpenFace's `pose_T*` and `pose_R*`: camera coordinates, x right, y down, z away from the camera."""

    translation_mm: Vector
    rotation_deg: Angles
    rotation_vector: Vector = Field(description="The rotation as axis times angle, in radians.")
    axes: Axes


class EyeGaze(BaseModel):
    """One eye's line of sight."""

    origin: Point
    end: Point
    direction: Vector = Field(description="Unit vector in camera coordinates.")


class Gaze(BaseModel):
    """OpenFace's gaze angles in degrees, and both eyes; the one on the left of the image first."""

    angle_deg: Point = Field(description="x, y in degrees.")
    eyes: list[EyeGaze]


class ActionUnit(BaseModel):
    """Intensity (`_r`) or presence (`_c`) of an action unit; null where it was not measured."""

    intensity: float | None = Field(None, description="0 to 5.")
    presence: float | None = Field(None, description="0 or 1.")
    support: Literal["supported", "weak", "not_estimable"] = Field(description="How well this engine measures it.")


class AnalysedFace(FoundFace):
    """One face with all measurements."""

    landmarks: list[Point] = Field(description="68 points, as OpenFace numbers them.")
    head_pose: HeadPose
    gaze: Gaze | None
    action_units: dict[str, ActionUnit]


class EngineFacts(BaseModel):
    """The engine of a measurement."""

    name: str
    version: str | None
    licence_class: str


class FoundFaces(RootModel[list[FoundFace]]):
    """The faces of a picture, largest first; an empty list is a result."""


class AnalysedImage(BaseModel):
    """A picture and its faces, largest first."""

    # With `draw=true` the response is a picture. The key is flask-openapi3's, which pydantic does not know.
    model_config = ConfigDict(
        openapi_extra={"content": {kind: {"schema": {"type": "string"}} for kind in ("image/png", "image/jpeg")}}  # type: ignore[typeddict-unknown-key]
    )

    width: int = Field(description="Of the upright picture, in pixels, as height.")
    height: int
    seconds: float = Field(description="Duration of the analysis; with OpenFace, of its command alone.")
    engine: EngineFacts
    faces: list[AnalysedFace]


class DetectQuery(Parameters):
    """Filters of the faces."""

    confidence: float | None = Field(
        None, ge=0, le=1, description="Least confidence; default: DETECT_CONFIDENCE.", json_schema_extra=optional
    )
    max_faces: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Largest number of faces, the largest ones first; at most DETECT_MAX_FACES.",
        json_schema_extra=optional,
    )
    upsample: Literal["0", "1"] | None = Field(
        None, description="`1` looks for small faces too; default: DETECT_UPSAMPLE.", json_schema_extra=optional
    )


class AnalyseImageQuery(DetectQuery):
    """Filters of the faces, engine, and form of the response."""

    draw: Literal["true", "false"] = Field(
        "false", description="`true` returns the picture with the overlay, PNG or JPEG as `Accept` prefers."
    )
    engine: Literal["lite", "openface"] = Field(
        "lite", description="`openface` runs the installed OpenFace command, which takes seconds."
    )


@faces.post("/api/detect", endpoint="detect", responses={200: FoundFaces, **ERRORS}, security=NEEDS)
@takes_body(body_limit)
def detect(query: DetectQuery) -> Response:
    """Find faces: a list with box, confidence and five key points each, the largest first; empty without a face."""
    result = services().analyser.ask(_picture(), _detect_request(query))
    return jsonify(result.faces)


@faces.post("/api/analyse-image", endpoint="analyse_image", responses={200: AnalysedImage, **ERRORS}, security=NEEDS)
@takes_body(body_limit)
def analyse_image(query: AnalyseImageQuery) -> Response:
    """Measure faces: landmarks, head pose, gaze and action units."""
    analyser = services().analyser
    drawn_type = request.accept_mimetypes.best_match(list(DRAWN_TYPES), "image/png") if query.draw == "true" else ""
    wanted = _detect_request(query, everything=True, drawn_as=DRAWN_TYPES.get(drawn_type or "", ""))
    picture = _picture()
    result = analyser.ask_openface(picture, wanted) if query.engine == "openface" else analyser.ask(picture, wanted)
    if drawn_type:
        return Response(result.drawn, content_type=drawn_type)
    return jsonify(_answer(result))


def _picture() -> bytes:
    return read_pictures(services().settings.detect_max_mb * 1024 * 1024).one()


def _detect_request(query: DetectQuery, *, everything: bool = False, drawn_as: DrawnAs = "") -> DetectRequest:
    settings = services().settings
    return DetectRequest(
        confidence=settings.detect_confidence if query.confidence is None else query.confidence,
        max_faces=min(query.max_faces or settings.detect_max_faces, settings.detect_max_faces),
        upsample=settings.detect_upsample if query.upsample is None else query.upsample == "1",
        everything=everything,
        drawn_as=drawn_as,
    )


def _answer(result: DetectResult) -> dict[str, Any]:
    engine = result.engine
    return {
        "width": result.width,
        "height": result.height,
        "seconds": result.seconds,
        "engine": {"name": engine.name, "version": engine.version, "licence_class": engine.licence_class},
        "faces": result.faces,
    }


def _describe_bodies() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    description = (
        f"A {names_of(AT_ONCE, 'or')} picture: itself, as the only file of a form, or as base64 in JSON.  "
        f"At most DETECT_MAX_MB (default {defaults['detect_max_mb']}) MiB and DETECT_MAX_MEGAPIXELS "
        f"(default {defaults['detect_max_megapixels']:g}) million pixels; RATE_LIMIT_PER_MINUTE (default "
        f"{defaults['rate_limit_per_minute']}) requests a minute."
    )
    for path in faces.paths:
        describe_body(faces, path, request_body(description, one_picture_content()))


_describe_bodies()
