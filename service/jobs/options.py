"""Options of an analysis: as a caller states them, and resolved as part of a job's identity.

The route's query, the options of the commands and the fields of a job all come from these two models.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from service.errors import BadRequest
from service.jobs.media_kind import JobMedia, Media, MediaType
from service.jobs.part import Part, Region

Faces = Literal["one", "many"]
ActionUnits = Literal["dynamic", "static"]

SHORT_FORMS: dict[str, tuple[Media, MediaType]] = {
    "ip": ("image", "posed"),
    "iw": ("image", "wild"),
    "vp": ("video", "posed"),
    "vw": ("video", "wild"),
}

SINCE = "schema"
"""Key of a field's metadata: the first message schema that has the option; 1 where it is missing."""

LATER = {SINCE: 2}
"""Metadata of the fields of message schema 2."""


FACES_FOLLOWED = 4
"""Number of faces that OpenFace's FaceLandmarkVidMulti follows at most."""
LARGEST_LENGTH = 1e6
"""Largest value of a camera in pixels."""
LONGEST_TIME_S = 1e7

Pixels = Annotated[float, Field(gt=0, le=LARGEST_LENGTH, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_TIME_S, allow_inf_nan=False)]
Step = Annotated[int, Field(ge=1, le=10**6)]
FaceCount = Annotated[int, Field(ge=FACES_FOLLOWED, le=25)]
RegionText = Annotated[str, Field(max_length=40), AfterValidator(lambda text: str(Region.parse(text)) if text else "")]


def optional(schema: dict[str, Any]) -> None:
    """Describe a parameter that can be left out as missing then, rather than null."""
    schema.pop("default", None)
    [one] = [kind for kind in schema.pop("anyOf") if kind != {"type": "null"}]
    schema |= one


class RequestedOptions(BaseModel):
    """Options as a caller states them; each can be left out."""

    faces: Faces | None = Field(
        None, description="Default: `many` for pictures, `one` for videos.", json_schema_extra=optional
    )
    au: ActionUnits | None = Field(
        None,
        description="Default: `dynamic` for videos with one face, else `static`.",
        json_schema_extra=optional,
    )
    multi_view: Literal["0", "1"] | None = Field(
        None,
        description="Several starting views of each face in a picture; changes no number of a video. "
        "Default: `1` for wild, `0` for posed.",
        json_schema_extra=optional,
    )
    overlay: Literal["0", "1", "false", "true"] | None = Field(
        None,
        description="`1` also draws what was measured into a copy of the media: a JPEG, or a video that browsers play.",
        json_schema_extra=optional,
    )
    gallery: str | None = Field(
        None,
        description="The caller's gallery, where IDENTITY is on: look in it who is seen; needs the scope `identity`.",
        max_length=64,
        json_schema_extra=optional,
    )
    engine: str | None = Field(
        None,
        description="Name of one of this deployment's engines, as `GET /schema` lists them; default: its own engine.",
        max_length=32,
        json_schema_extra=optional,
    )
    camera: Literal["exif"] | None = Field(
        None,
        description="`exif` takes the focal length of a photo from its EXIF data (35 mm equivalent). "
        "Default: the engine's guess from the size.",
        json_schema_extra=optional,
    )
    fx: Pixels | None = Field(
        None,
        description="Focal length in pixels of the upright picture at full size; with `fy`.",
        json_schema_extra=optional,
    )
    fy: Pixels | None = Field(
        None, description="Focal length in y; for square pixels equal to `fx`.", json_schema_extra=optional
    )
    cx: Pixels | None = Field(
        None,
        description="Optical centre in pixels of the upright picture at full size; with `cy`. Default: the middle.",
        json_schema_extra=optional,
    )
    cy: Pixels | None = Field(None, description="Optical centre in y.", json_schema_extra=optional)
    start: Seconds | None = Field(
        None,
        description="Videos: measure from this time on, in seconds after the first frame.",
        json_schema_extra=optional,
    )
    end: Seconds | None = Field(
        None, description="Videos: measure the frames before this time, in seconds.", json_schema_extra=optional
    )
    every: Step | None = Field(
        None,
        description="Videos: measure one frame in this number of frames; 2 is every other one.",
        json_schema_extra=optional,
    )
    region: RegionText | None = Field(
        None,
        description="Measure only this part of the picture: `x,y,w,h` in pixels of the upright one. Coordinates stay "
        "those of the whole.",
        json_schema_extra=optional,
    )
    faces_at_most: FaceCount | None = Field(
        None,
        description="Videos with faces=many: number of faces that are followed at once, 4 to 25. Default: 4, as many "
        "as OpenFace follows; for more, OpenFace measures the video in as many tiles.",
        json_schema_extra=optional,
    )
    aligned: Literal["0", "1", "false", "true"] | None = Field(
        None,
        description="`1` also keeps a crop of 112 x 112 pixels of each face and frame, turned level and masked, as "
        "`aligned.zip` with an index; of long videos the first ones.",
        json_schema_extra=optional,
    )


OPTION_NAMES: tuple[str, ...] = tuple(RequestedOptions.model_fields)


def choices(name: str) -> tuple[str, ...]:
    """Return the values of an option; none for one that takes any text or number."""
    kind = _kind(name)
    return get_args(kind) if get_origin(kind) is Literal else ()


def value_type(name: str) -> type:
    """Return the type of an option's values: str, int or float."""
    kind = _kind(name)
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return plain if isinstance(plain, type) else str


def is_on(value: str | None) -> bool:
    """Read the value of an option that is on or off."""
    return value in {"1", "true"}


def _kind(name: str) -> Any:
    [kind] = [kind for kind in get_args(RequestedOptions.model_fields[name].annotation) if kind is not type(None)]
    return kind


@dataclass(frozen=True)
class JobOptions:
    """How a media item is to be analysed; every field is part of the job's identity.

    A field that is added later has a default and the metadata `{SINCE: n}`: left at its default it is in no message
    and no identity, so that older jobs keep their ids and older workers read their messages.

    Attributes:
        faces: ``one`` keeps the biggest face of a picture and runs FeatureExtraction on a video;
            ``many`` keeps all and runs FaceLandmarkVidMulti.
        au: ``static`` action-unit models judge each frame alone; ``dynamic`` ones calibrate over the clip.
        multi_view: several starting views a face of a picture (slower; ``-wild`` turns it on by itself). OpenFace
            does the same with videos either way; there it only stays in the identity.
        overlay: also make a copy of the media with the measurements drawn into it.
        gallery: in which to look who is seen; empty for none.
        engine: name of the engine that measures; empty for the deployment's own.
        camera: ``exif`` reads the focal length of a photo; empty for the values below, or the engine's guess.
        fx, fy, cx, cy: focal lengths and optical centre in pixels of the upright picture at full size.
        start, end: the part of a video that is measured, in seconds after its first frame.
        every: number of frames of which one is measured.
        region: the part of the picture that is measured, as `Region` writes it; empty for the whole.
        faces_at_most: number of faces that are followed at once in a video with several.
        aligned: also keep a level crop of each face and frame.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    faces: Faces
    au: ActionUnits
    multi_view: bool
    overlay: bool = False
    gallery: Annotated[str, Field(max_length=64)] = ""
    engine: Annotated[str, Field(max_length=32)] = field(default="", metadata=LATER)
    camera: Literal["", "exif"] = field(default="", metadata=LATER)
    fx: Pixels | None = field(default=None, metadata=LATER)
    fy: Pixels | None = field(default=None, metadata=LATER)
    cx: Pixels | None = field(default=None, metadata=LATER)
    cy: Pixels | None = field(default=None, metadata=LATER)
    start: Seconds = field(default=0.0, metadata=LATER)
    end: Seconds | None = field(default=None, metadata=LATER)
    every: Step = field(default=1, metadata=LATER)
    region: RegionText = field(default="", metadata=LATER)
    faces_at_most: FaceCount = field(default=FACES_FOLLOWED, metadata=LATER)
    aligned: bool = field(default=False, metadata=LATER)

    @classmethod
    def resolve(
        cls,
        media: JobMedia,
        media_type: MediaType,
        given: Mapping[str, str],
        *,
        galleries: bool = False,
        engines: Collection[str] | None = None,
    ) -> JobOptions:
        """Fill in missing options, as the OpenFace commands would.

        Args:
            galleries: a gallery may be named; the caller's right to it has been checked.
            engines: names of the deployment's engines; None where they are not known here, and so not checked.

        Raises:
            BadRequest: an option or value is unknown, or cannot be had for this media.
        """
        requested = _checked(given)
        for problem in _contradictions(requested, media):
            raise BadRequest(problem, "bad_option")
        if given.get("gallery") and not galleries:
            raise BadRequest("this deployment knows no galleries", "option_unavailable")
        engine = given.get("engine", "")
        if engine and engines is not None and engine not in engines:
            known = f"it has {', '.join(sorted(engines))}" if engines else "ENGINES_AVAILABLE names none"
            raise BadRequest(f"this deployment has no engine {engine[:40]!r}; {known}", "option_unavailable")
        faces = given.get("faces", "many" if media == "image" else "one")
        static_only = media == "image" or faces == "many"
        au = given.get("au", "static" if static_only else "dynamic")
        if static_only and au == "dynamic":
            raise BadRequest(
                "au=dynamic calibrates over the frames of one tracked face; "
                "pictures and videos with faces=many are always au=static",
                "bad_option",
            )
        return cls(
            faces="many" if faces == "many" else "one",
            au="static" if au == "static" else "dynamic",
            multi_view=given.get("multi_view", "1" if media_type == "wild" else "0") == "1",
            overlay=is_on(given.get("overlay")),
            gallery=given.get("gallery", ""),
            **_as_given(requested),
        )

    @property
    def part(self) -> Part:
        """The part of the media that is measured."""
        return Part(self.start, self.end, self.every, Region.parse(self.region) if self.region else None)

    @property
    def schema(self) -> int:
        """The first message schema that has all options used here."""
        return max([1, *(since for name, since in _LATER.items() if getattr(self, name) != _DEFAULTS[name])])

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name, without later ones that are at their defaults."""
        values = {name: getattr(self, name) for name in _DEFAULTS}
        return {name: value for name, value in values.items() if name not in _LATER or value != _DEFAULTS[name]}


def later_options() -> tuple[str, ...]:
    """Return the names of options that came after the first message schema."""
    return tuple(_LATER)


_DEFAULTS = {each.name: each.default for each in fields(JobOptions)}
_LATER = {each.name: int(each.metadata[SINCE]) for each in fields(JobOptions) if SINCE in each.metadata}
SCHEMA = max([1, *_LATER.values()])
"""The newest message schema that this version reads."""


def _checked(given: Mapping[str, str]) -> RequestedOptions:
    """Read each option by itself. Raises BadRequest."""
    unknown = sorted(set(given) - set(OPTION_NAMES))
    if unknown:
        raise BadRequest(f"unknown option {', '.join(unknown)}; known: {', '.join(OPTION_NAMES)}", "unknown_option")
    for name, value in given.items():
        allowed = choices(name)
        if allowed and value not in allowed:
            raise BadRequest(f"{name}={value!r} is not one of {', '.join(allowed)}", "bad_option")
    try:
        return RequestedOptions.model_validate(dict(given))
    except ValidationError as error:
        faults = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_url=False)]
        raise BadRequest("; ".join(faults), "bad_option") from error


def _as_given(requested: RequestedOptions) -> dict[str, Any]:
    """Return the values of later options that a job takes over as they are stated."""
    values = {name: getattr(requested, name) for name in later_options()} | {"aligned": is_on(requested.aligned)}
    return {name: value for name, value in values.items() if value is not None}


def _contradictions(asked: RequestedOptions, media: JobMedia) -> Iterator[str]:
    """Say what cannot be had together, or for this media."""
    if (asked.fx is None) != (asked.fy is None) or (asked.cx is None) != (asked.cy is None):
        yield "the camera's values come in pairs: fx with fy, cx with cy"
    if asked.camera and (asked.fx is not None or asked.cx is not None):
        yield "camera=exif and values of the camera exclude each other"
    if asked.camera and media != "image":
        yield "camera=exif is for single photos"
    if media != "video" and (asked.start is not None or asked.end is not None or (asked.every or 1) > 1):
        yield "start, end and every choose frames of a video"
    if media == "sequence" and (is_on(asked.overlay) or is_on(asked.aligned) or asked.gallery):
        yield "overlay, aligned and gallery are for files, not for a sequence of pictures"
    if asked.faces_at_most is not None and (media != "video" or asked.faces != "many"):
        yield "faces_at_most is for videos with faces=many; in pictures all faces are measured"
    if asked.end is not None and asked.end <= (asked.start or 0.0):
        yield "the end comes after the start"
