"""What the routes of `/galleries/…` take and answer with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.identity.galleries import PAGE
from service.web.protocol.openapi import Parameters, optional


def _ahead(moment: datetime) -> datetime:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if moment <= datetime.now(UTC):
        raise ValueError("that moment is over")
    return moment


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Moment = Annotated[datetime, AfterValidator(_ahead)]


class GalleryPath(BaseModel):
    """Which gallery."""

    gallery: str = Field(
        description="Name of the caller's key; `anonymous` where no keys are asked for.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )


class PersonPath(GalleryPath):
    """Which person."""

    person_id: str = Field(pattern=r"^[0-9a-f]{32}$")


class FacePath(GalleryPath):
    """Which face."""

    face_token: str = Field(pattern=r"^[0-9a-f]{24}$")


class PeopleQuery(Parameters):
    """Which people."""

    name: Name | None = Field(None, description="Those of exactly this name.", json_schema_extra=optional)
    cursor: str | None = Field(
        None, description="From the answer before.", pattern="^[0-9a-f]{32}$", json_schema_extra=optional
    )


class SearchQuery(Parameters):
    """How near."""

    threshold: float | None = Field(
        None, gt=0, le=2, description="Largest distance; default: IDENTITY_THRESHOLD.", json_schema_extra=optional
    )
    limit: int = Field(10, ge=1, le=PAGE, description="Matches of each face, at most.")


class ThresholdQuery(Parameters):
    """How near."""

    threshold: float | None = Field(
        None, gt=0, le=2, description="Largest distance; default: IDENTITY_THRESHOLD.", json_schema_extra=optional
    )


class Enrolment(BaseModel):
    """Who is enrolled, and on what ground."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    consent: Name = Field(description="Reference to what the person has agreed to, as you keep it.")
    expires: Moment | None = Field(None, description="When the person's faces are removed.", json_schema_extra=optional)
    thumbnails: bool = Field(False, description="Keep a small picture of each face.")


class MoreFaces(BaseModel):
    """More of someone's faces."""

    model_config = ConfigDict(extra="forbid")

    thumbnails: bool = Field(False, description="Keep a small picture of each face.")


class Change(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = Field(None, json_schema_extra=optional)
    consent: Name | None = Field(None, json_schema_extra=optional)
    expires: Moment | None = Field(None, description="Null: not before it is asked for.")


class Gallery(BaseModel):
    """A gallery and how much is in it."""

    name: str
    people: int
    faces: int


class GalleryList(BaseModel):
    """The galleries that the caller may use: its own."""

    galleries: list[Gallery]


class EnrolledFace(BaseModel):
    """A face that is held; its embedding leaves the service in no answer."""

    face_token: str
    created: datetime
    has_thumbnail: bool


class PersonFacts(BaseModel):
    """Someone in a gallery."""

    id: str
    name: str
    consent: str
    created: datetime
    expires: datetime | None
    faces: list[EnrolledFace]


class People(BaseModel):
    """Some people, in no order that means anything."""

    people: list[PersonFacts]
    cursor: str | None = Field(description="Give it back for the next page.")


class Mentioned(BaseModel):
    """A result that names someone."""

    job_id: str
    container: str
    blob: str


class ReceiptFacts(BaseModel):
    """What a deletion has removed, and what it could not."""

    person_id: str
    deleted: datetime
    embeddings: int
    thumbnails: int
    tokens: list[str] = Field(description="Of the faces; good for nothing any more.")
    temporary_tokens: int = Field(description="Detected faces that waited to be enrolled and looked like this one.")
    mentioned_in: list[Mentioned] = Field(description="Results that name the person. They are not changed.")


class HeldFace(BaseModel):
    """What is held of one face beside its embedding."""

    face_token: str
    model: str = Field(description="That made its embedding.")
    created: datetime
    thumbnail: str | None = Field(description="A JPEG in base64.")


class PersonExport(BaseModel):
    """What is held of one person, to be handed to them."""

    person: PersonFacts
    faces: list[HeldFace]
    mentioned_in: list[Mentioned]


class MatchFacts(BaseModel):
    """An enrolled face near the one in the picture."""

    person_id: str
    name: str
    face_token: str
    distance: float
    confidence: float = Field(description="0 to 1, falling with the distance; 0.5 at the threshold.", ge=0, le=1)


class IdentifiedFace(BaseModel):
    """A face of the picture, and whom it looks like."""

    box: Annotated[list[int], Field(min_length=4, max_length=4, description="x, y, width, height in pixels.")]
    confidence: float = Field(description="That it is a face.", ge=0, le=1)
    matches: list[MatchFacts]


class Identified(BaseModel):
    """The faces of a picture, largest first."""

    threshold: float
    faces: list[IdentifiedFace]


class Verified(BaseModel):
    """Whether two pictures show one person, as far as a distance can tell."""

    same: bool
    distance: float
    threshold: float
    confidence: float = Field(ge=0, le=1)


class RemovedFace(BaseModel):
    """A face that is gone, and its person with it where it was the last one."""

    face_token: str
    person_id: str
