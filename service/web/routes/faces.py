"""`/api/detect` and `/api/analyse-image`: a picture in, its faces out, at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag
from flask_openapi3.models import MediaType, RequestBody, Schema
from flask_openapi3.models.data_type import DataType
from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.engine.lite.interactive import DetectRequest, DetectResult, DrawnAs
from service.settings import Settings
from service.web.protocol.bodies import FORM_BYTES, read_picture, takes_body
from service.web.protocol.openapi import Parameters, needs, operation_name, optional, problems
from service.web.services import services

ERRORS = problems(400, 408, 413, 415, 503)
NEEDS = needs("analyse")
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "application/octet-stream")
DRAWN_TYPES: dict[str, DrawnAs] = {"image/png": ".png", "image/jpeg": ".jpg"}

faces = APIBlueprint("faces", __name__, abp_tags=[Tag(name="Faces at once")], operation_id_callback=operation_name)

Pixel = Annotated[list[int], Field(min_length=2, max_length=2, description="x, y in pixels.")]
Place = Annotated[list[float], Field(min_length=2, max_length=2, description="x, y in pixels.")]
Vector = Annotated[list[float], Field(min_length=3, max_length=3)]


class KeyPoints(BaseModel):
    """Five points; left and right are those of the image."""

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
    """Where the head's axes, 60 mm long, are seen: to the right, down, and out of the face."""

    origin: Place
    x: Place
    y: Place
    z: Place


class Angles(BaseModel):
    """In degrees, with OpenFace's signs."""

    pitch: float
    yaw: float
    roll: float


class HeadPose(BaseModel):
    """OpenFace's `pose_T*` and `pose_R*`: camera coordinates, x right, y down, z away from the camera."""

    translation_mm: Vector
    rotation_deg: Angles
    rotation_vector: Vector = Field(description="The same rotation as axis times angle, radians.")
    axes: Axes


class EyeGaze(BaseModel):
    """One eye's line of sight."""

    origin: Place
    end: Place
    direction: Vector = Field(description="Unit vector in camera coordinates.")


class Gaze(BaseModel):
    """OpenFace's gaze angles, here in degrees, and both eyes; the one on the left of the image first."""

    angle_deg: Place = Field(description="x, y in degrees.")
    eyes: list[EyeGaze]


class ActionUnit(BaseModel):
    """An intensity (`_r`) or a presence (`_c`); null where it was not measured."""

    intensity: float | None = Field(None, description="0 to 5.")
    presence: float | None = Field(None, description="0 or 1.")
    support: Literal["supported", "weak", "not_estimable"] = Field(description="How well this engine measures it.")


class AnalysedFace(FoundFace):
    """One face with everything measured."""

    landmarks: list[Place] = Field(description="68 points, as OpenFace numbers them.")
    head_pose: HeadPose
    gaze: Gaze | None
    action_units: dict[str, ActionUnit]


class EngineTold(BaseModel):
    """What measured."""

    name: str
    version: str | None
    licence_class: str


class FoundFaces(RootModel[list[FoundFace]]):
    """The faces of a picture, largest first; none is a result."""


class AnalysedImage(BaseModel):
    """A picture and its faces, largest first."""

    # With `draw=true` the answer is a picture. The key is flask-openapi3's, which pydantic does not know.
    model_config = ConfigDict(
        openapi_extra={"content": {kind: {"schema": {"type": "string"}} for kind in ("image/png", "image/jpeg")}}  # type: ignore[typeddict-unknown-key]
    )

    width: int = Field(description="Of the upright picture, in pixels, as height.")
    height: int
    seconds: float = Field(description="That the analysis took; with OpenFace, its command alone.")
    engine: EngineTold
    faces: list[AnalysedFace]


class DetectQuery(Parameters):
    """Which faces."""

    confidence: float | None = Field(
        None, ge=0, le=1, description="Least confidence; default: DETECT_CONFIDENCE.", json_schema_extra=optional
    )
    max_faces: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="At most so many, the largest; never more than DETECT_MAX_FACES.",
        json_schema_extra=optional,
    )
    upsample: Literal["0", "1"] | None = Field(
        None, description="`1` looks for small faces too; default: DETECT_UPSAMPLE.", json_schema_extra=optional
    )


class AnalyseImageQuery(DetectQuery):
    """Which faces, by what, and in which form."""

    draw: Literal["true", "false"] = Field(
        "false", description="`true` answers the picture with the overlay, PNG or JPEG as `Accept` prefers."
    )
    engine: Literal["lite", "openface"] = Field(
        "lite", description="`openface` runs the installed OpenFace command, which takes seconds."
    )


def _longest(settings: Settings) -> int:
    """In JSON a picture is a third longer."""
    return settings.detect_max_mb * 1024 * 1024 * 4 // 3 + FORM_BYTES


@faces.post("/api/detect", endpoint="detect", responses={200: FoundFaces, **ERRORS}, security=NEEDS)
@takes_body(_longest)
def detect(query: DetectQuery) -> Response:
    """Find faces: a list with box, confidence and five key points each, the largest first; empty without a face."""
    told = services().analyser.ask(read_picture(), _wanted(query))
    return jsonify(told.faces)


@faces.post("/api/analyse-image", endpoint="analyse_image", responses={200: AnalysedImage, **ERRORS}, security=NEEDS)
@takes_body(_longest)
def analyse_image(query: AnalyseImageQuery) -> Response:
    """Measure faces: landmarks, head pose, gaze and action units."""
    analyser = services().analyser
    drawn_type = request.accept_mimetypes.best_match(list(DRAWN_TYPES), "image/png") if query.draw == "true" else ""
    wanted = _wanted(query, everything=True, drawn_as=DRAWN_TYPES.get(drawn_type or "", ""))
    picture = read_picture()
    told = analyser.ask_openface(picture, wanted) if query.engine == "openface" else analyser.ask(picture, wanted)
    if drawn_type:
        return Response(told.drawn, content_type=drawn_type)
    return jsonify(_answer(told))


def _wanted(query: DetectQuery, *, everything: bool = False, drawn_as: DrawnAs = "") -> DetectRequest:
    settings = services().settings
    return DetectRequest(
        confidence=settings.detect_confidence if query.confidence is None else query.confidence,
        max_faces=min(query.max_faces or settings.detect_max_faces, settings.detect_max_faces),
        upsample=settings.detect_upsample if query.upsample is None else query.upsample == "1",
        everything=everything,
        drawn_as=drawn_as,
    )


def _answer(told: DetectResult) -> dict[str, Any]:
    engine = told.engine
    return {
        "width": told.width,
        "height": told.height,
        "seconds": told.seconds,
        "engine": {"name": engine.name, "version": engine.version, "licence_class": engine.licence_class},
        "faces": told.faces,
    }


def _describe_bodies() -> None:
    """The library has no words for a body that is one of several kinds."""
    binary = Schema(type=DataType.STRING, format="binary")
    form = Schema(type=DataType.OBJECT, properties={"image": binary}, required=["image"])
    encoded = Schema(type=DataType.STRING, format="byte", description="Base64, or a data URL.")
    as_json = Schema(type=DataType.OBJECT, properties={"image": encoded}, required=["image"])
    kinds = {kind: MediaType(schema=binary) for kind in PICTURE_TYPES}
    kinds |= {"multipart/form-data": MediaType(schema=form), "application/json": MediaType(schema=as_json)}
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    words = (
        "A JPEG, PNG, WebP or BMP picture: itself, as the one file of a form, or as base64 in JSON. "
        f"At most DETECT_MAX_MB (default {defaults['detect_max_mb']}) MiB and DETECT_MAX_MEGAPIXELS "
        f"(default {defaults['detect_max_megapixels']:g}) million pixels; RATE_LIMIT_PER_MINUTE (default "
        f"{defaults['rate_limit_per_minute']}) requests a minute."
    )
    for path in faces.paths.values():
        path.post.requestBody = RequestBody(description=words, content=kinds, required=True)


_describe_bodies()
