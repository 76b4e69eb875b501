"""Options of an analysis: as a caller states them, and resolved as part of a job's identity.

The route's query, the options of the commands and the fields of a job all come from these two models.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from service.errors import BadRequest

Media = Literal["image", "video"]
MediaType = Literal["posed", "wild"]
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


OPTION_NAMES: tuple[str, ...] = tuple(RequestedOptions.model_fields)


def choices(name: str) -> tuple[str, ...]:
    """Return the values of an option; none for one that takes any text."""
    [kind] = [kind for kind in get_args(RequestedOptions.model_fields[name].annotation) if kind is not type(None)]
    return get_args(kind)


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
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    faces: Faces
    au: ActionUnits
    multi_view: bool
    overlay: bool = False
    gallery: Annotated[str, Field(max_length=64)] = ""
    engine: Annotated[str, Field(max_length=32)] = field(default="", metadata={SINCE: 2})

    @classmethod
    def resolve(
        cls,
        media: Media,
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
        _check(given)
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
            overlay=given.get("overlay", "0") in {"1", "true"},
            gallery=given.get("gallery", ""),
            engine=engine,
        )

    @property
    def schema(self) -> int:
        """The first message schema that has all options used here."""
        return max([1, *(int(each.metadata[SINCE]) for each in fields(self) if each.name in self._later())])

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name, without later ones that are at their defaults."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        later = {each.name for each in fields(self) if SINCE in each.metadata}
        return {name: value for name, value in values.items() if name not in later - self._later()}

    def _later(self) -> set[str]:
        """Return names of options of later schemas that are used."""
        return {
            each.name for each in fields(self) if SINCE in each.metadata and getattr(self, each.name) != each.default
        }


SCHEMA = max([1, *(each.metadata.get(SINCE, 1) for each in fields(JobOptions))])
"""The newest message schema that this version reads."""


def _check(given: Mapping[str, str]) -> None:
    unknown = sorted(set(given) - set(OPTION_NAMES))
    if unknown:
        raise BadRequest(f"unknown option {', '.join(unknown)}; known: {', '.join(OPTION_NAMES)}", "unknown_option")
    for name, value in given.items():
        allowed = choices(name)
        if allowed and value not in allowed:
            raise BadRequest(f"{name}={value!r} is not one of {', '.join(allowed)}", "bad_option")
