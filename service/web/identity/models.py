"""Request and response models of `/galleries/…`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.identity.galleries import PAGE
from service.web.protocol.openapi import Parameters, optional


def _ahead(moment: datetime) -> datetime:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if moment <= datetime.now(UTC):
        raise ValueError("the moment is in the past")
    return moment


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Moment = Annotated[datetime, AfterValidator(_ahead)]


class GalleryPath(BaseModel):
    """Path of a gallery."""

    gallery: str = Field(
        description="Name of the caller's key; `anonymous` where no keys are asked for.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )


class PersonPath(GalleryPath):
    """Path of a person."""

    person_id: str = Field(pattern=r"^[0-9a-f]{32}$")


class FacePath(GalleryPath):
    """Path of a face."""

    face_token: str = Field(pattern=r"^[0-9a-f]{24}$")


class PeopleQuery(Parameters):
    """Filters of the list of people."""

    name: Name | None = Field(None, description="The people of exactly this name.", json_schema_extra=optional)
    cursor: str | None = Field(
        None, description="`cursor` of the page before.", pattern="^[0-9a-f]{32}$", json_schema_extra=optional
    )


class SearchQuery(Parameters):
    """Threshold and number of matches."""

    threshold: float | None = Field(
        None, gt=0, le=2, description="Largest distance; default: IDENTITY_THRESHOLD.", json_schema_extra=optional
    )
    limit: int = Field(10, ge=1, le=PAGE, description="Largest number of matches of each face.")


class ThresholdQuery(Parameters):
    """Threshold of a comparison."""

    threshold: float | None = Field(
        None, gt=0, le=2, description="Largest distance; default: IDENTITY_THRESHOLD.", json_schema_extra=optional
    )


class Enrolment(BaseModel):
    """The fields of an enrolment."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    consent: Name = Field(description="Reference to the person's consent, as you keep it.")
    expires: Moment | None = Field(None, description="When the person's faces are removed.", json_schema_extra=optional)
    thumbnails: bool = Field(False, description="Keep a small picture of each face.")


class MoreFaces(BaseModel):
    """Options of added faces."""

    model_config = ConfigDict(extra="forbid")

    thumbnails: bool = Field(False, description="Keep a small picture of each face.")


class Change(BaseModel):
    """The fields to change; absent ones stay."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = Field(None, json_schema_extra=optional)
    consent: Name | None = Field(None, json_schema_extra=optional)
    expires: Moment | None = Field(None, description="Null: no expiry.")


class Gallery(BaseModel):
    """A gallery with its numbers of people and faces."""

    name: str
    people: int
    faces: int


class GalleryList(BaseModel):
    """The caller's galleries."""

    galleries: list[Gallery]


class EnrolledFace(BaseModel):
    """An enrolled face; its embedding never leaves the service."""

    face_token: str
    created: datetime
    has_thumbnail: bool


class PersonFacts(BaseModel):
    """A person in a gallery."""

    id: str
    name: str
    consent: str
    created: datetime
    expires: datetime | None
    faces: list[EnrolledFace]


class People(BaseModel):
    """A page of people, in no particular order."""

    people: list[PersonFacts]
    cursor: str | None = Field(description="Cursor of the next page.")


class Mentioned(BaseModel):
    """A result that names the person."""

    job_id: str
    container: str
    blob: str


class ReceiptFacts(BaseModel):
    """Receipt of a deletion: what was removed, and which results still name the person."""

    person_id: str
    deleted: datetime
    embeddings: int
    thumbnails: int
    tokens: list[str] = Field(description="Tokens of the deleted faces.")
    temporary_tokens: int = Field(description="Deleted tokens of detected, not enrolled faces that match the person.")
    mentioned_in: list[Mentioned] = Field(description="Results that named the person, and no longer do.")
    results_changed: int = Field(description="Files in results from which the person was removed.")


class HeldFace(BaseModel):
    """The stored data of one face beside its embedding."""

    face_token: str
    model: str = Field(description="Model of its embedding.")
    created: datetime
    thumbnail: str | None = Field(description="A JPEG in base64.")


class PersonExport(BaseModel):
    """The stored data of one person, for a data subject's request."""

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
    """A face of the picture, with its matches."""

    box: Annotated[list[int], Field(min_length=4, max_length=4, description="x, y, width, height in pixels.")]
    confidence: float = Field(description="Confidence of the detection.", ge=0, le=1)
    matches: list[MatchFacts]


class Identified(BaseModel):
    """The faces of a picture, largest first."""

    threshold: float
    faces: list[IdentifiedFace]


class Verified(BaseModel):
    """The comparison of two pictures by the distance of their faces."""

    same: bool
    distance: float
    threshold: float
    confidence: float = Field(ge=0, le=1)


class RemovedFace(BaseModel):
    """A deleted face; its last face deletes the person as well."""

    face_token: str
    person_id: str
