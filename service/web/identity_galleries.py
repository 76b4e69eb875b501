"""`/galleries/…`: enrol, list, verify, identify, rename, remove, for callers that begin now."""

from __future__ import annotations

import base64
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.errors import AnalysisError, BadRequest
from service.identity.embedder import FoundFace
from service.identity.galleries import PAGE, Match, NewFace, Person
from service.identity.rights import audit, export_person, remove_person
from service.identity.vectors import confidence, exact
from service.web.bodies import takes_body
from service.web.document import Parameters, content, needs, operation_name, optional, problems
from service.web.identity_bodies import (
    MOST_PICTURES,
    Given,
    describe,
    described,
    longest,
    longest_of_many,
    read_given,
)
from service.web.identity_office import identity, own_gallery
from service.web.services import services

NEEDS = needs("identity")
TO_READ = problems(400, 404, 503)
TO_SEND = problems(400, 404, 408, 413, 415, 503)
WRONG_PICTURES = "pictures_refused"

galleries = APIBlueprint("galleries", __name__, abp_tags=[Tag(name="Who is it")], operation_id_callback=operation_name)


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


@galleries.get("/galleries", endpoint="all", responses={200: GalleryList, **problems(400, 503)}, security=NEEDS)
def list_galleries() -> Response:
    """The caller's gallery: each key has one."""
    facts = identity().galleries.facts(own_gallery())
    audit("list", facts.name)
    return _json(GalleryList(galleries=[Gallery(**asdict(facts))]))


@galleries.get("/galleries/<gallery>", endpoint="one", responses={200: Gallery, **TO_READ}, security=NEEDS)
def get_gallery(path: GalleryPath) -> Response:
    """How much is in a gallery."""
    facts = identity().galleries.facts(own_gallery(path.gallery))
    audit("list", facts.name)
    return _json(Gallery(**asdict(facts)))


@galleries.get("/galleries/<gallery>/people", endpoint="people", responses={200: People, **TO_READ}, security=NEEDS)
def list_people(path: GalleryPath, query: PeopleQuery) -> Response:
    """Who is in a gallery."""
    gallery = own_gallery(path.gallery)
    found = identity().galleries.page(gallery, name=query.name or "", after=query.cursor or "", limit=PAGE + 1)
    audit("list", gallery, people=len(found))
    cursor = found[PAGE - 1].id if len(found) > PAGE else None
    return _json(People(people=[_person(person) for person in found[:PAGE]], cursor=cursor))


@galleries.post(
    "/galleries/<gallery>/people", endpoint="enrol", responses={201: PersonFacts, **TO_SEND}, security=NEEDS
)
@takes_body(longest_of_many)
def enrol(path: GalleryPath) -> Response:
    """Enrol someone with 1 to 100 pictures that show one face each.

    Where a picture shows none or several, nobody is enrolled, and the error says which picture.
    """
    gallery = own_gallery(path.gallery)
    given = _given()
    wanted = given.as_model(Enrolment)
    new = _new_faces(given, thumbnails=wanted.thumbnails)
    person = identity().galleries.enrol(gallery, wanted.name, wanted.consent, wanted.expires, new)
    audit("enrol", gallery, person_id=person.id, faces=len(new), consent=wanted.consent)
    return _json(_person(person), HTTPStatus.CREATED)


@galleries.get(
    "/galleries/<gallery>/people/<person_id>",
    endpoint="person",
    responses={200: PersonFacts, **TO_READ},
    security=NEEDS,
)
def get_person(path: PersonPath) -> Response:
    """One person."""
    gallery = own_gallery(path.gallery)
    audit("read", gallery, person_id=path.person_id)
    return _json(_person(identity().galleries.person(gallery, path.person_id)))


@galleries.patch(
    "/galleries/<gallery>/people/<person_id>",
    endpoint="change",
    responses={200: PersonFacts, **TO_READ},
    security=NEEDS,
)
def change_person(path: PersonPath, body: Change) -> Response:
    """Another name, consent reference, or end."""
    gallery = own_gallery(path.gallery)
    fields = body.model_dump(exclude_unset=True)
    if any(fields.get(name, "") is None for name in ("name", "consent")):
        raise BadRequest("name and consent cannot be null")
    audit("change", gallery, person_id=path.person_id, fields=sorted(fields))
    return _json(_person(identity().galleries.change(gallery, path.person_id, fields)))


@galleries.delete(
    "/galleries/<gallery>/people/<person_id>",
    endpoint="remove",
    responses={200: ReceiptFacts, **TO_READ},
    security=NEEDS,
)
def delete_person(path: PersonPath) -> Response:
    """Remove a person with all embeddings, thumbnails and tokens; the answer is a receipt."""
    gallery = own_gallery(path.gallery)
    receipt = remove_person(identity().store, gallery, path.person_id)
    audit("delete", gallery, person_id=path.person_id, embeddings=receipt.embeddings)
    return _json(ReceiptFacts.model_validate(asdict(receipt)))


@galleries.get(
    "/galleries/<gallery>/people/<person_id>/export",
    endpoint="export",
    responses={200: PersonExport, **TO_READ},
    security=NEEDS,
)
def export(path: PersonPath) -> Response:
    """What is held of one person; embeddings are told of, and not handed out."""
    gallery = own_gallery(path.gallery)
    audit("export", gallery, person_id=path.person_id)
    held = export_person(identity().galleries, gallery, path.person_id)
    faces = [
        HeldFace(
            face_token=face.token,
            model=face.model,
            created=face.created,
            thumbnail=base64.b64encode(face.thumbnail).decode() if face.thumbnail else None,
        )
        for face in held.faces
    ]
    mentioned = [Mentioned(**asdict(mention)) for mention in held.mentioned_in]
    return _json(PersonExport(person=_person(held.person), faces=faces, mentioned_in=mentioned))


@galleries.post(
    "/galleries/<gallery>/people/<person_id>/faces",
    endpoint="add_faces",
    responses={201: PersonFacts, **TO_SEND},
    security=NEEDS,
)
@takes_body(longest_of_many)
def add_faces(path: PersonPath) -> Response:
    """More pictures of someone who is enrolled."""
    gallery = own_gallery(path.gallery)
    identity().galleries.person(gallery, path.person_id)
    given = _given()
    new = _new_faces(given, thumbnails=given.as_model(MoreFaces).thumbnails)
    person = identity().galleries.add_faces(gallery, path.person_id, new)
    audit("enrol", gallery, person_id=person.id, faces=len(new))
    return _json(_person(person), HTTPStatus.CREATED)


@galleries.delete(
    "/galleries/<gallery>/faces/<face_token>",
    endpoint="remove_face",
    responses={200: RemovedFace, **TO_READ},
    security=NEEDS,
)
def delete_face(path: FacePath) -> Response:
    """Remove one face, and its person with the last one."""
    gallery = own_gallery(path.gallery)
    person_id = identity().galleries.remove_face(gallery, path.face_token)
    audit("delete_face", gallery, person_id=person_id)
    return _json(RemovedFace(face_token=path.face_token, person_id=person_id))


@galleries.get(
    "/galleries/<gallery>/faces/<face_token>/thumbnail",
    endpoint="thumbnail",
    responses={200: content("image/jpeg", None), **TO_READ},
    security=NEEDS,
)
def thumbnail(path: FacePath) -> Response:
    """The small picture of a face, where one is kept."""
    gallery = own_gallery(path.gallery)
    audit("thumbnail", gallery)
    return _unkept(Response(identity().galleries.thumbnail(gallery, path.face_token), content_type="image/jpeg"))


@galleries.post(
    "/galleries/<gallery>/identify", endpoint="identify", responses={200: Identified, **TO_SEND}, security=NEEDS
)
@takes_body(longest)
def identify(path: GalleryPath, query: SearchQuery) -> Response:
    """Who is it: for each face of a picture the enrolled faces that are near, the nearest first."""
    gallery, own = own_gallery(path.gallery), identity()
    threshold = query.threshold or own.threshold
    found = own.embedder.faces(_given().one_picture())
    faces = []
    for face in found:
        matches = own.galleries.nearest(gallery, face.embedding, threshold, query.limit)
        told = [_match(match, threshold) for match in matches]
        faces.append(IdentifiedFace(box=_box(face), confidence=face.confidence, matches=told))
    people = sorted({match.person_id for face in faces for match in face.matches})
    audit("identify", gallery, faces=len(faces), people=people)
    return _json(Identified(threshold=threshold, faces=faces))


@galleries.post("/galleries/<gallery>/verify", endpoint="verify", responses={200: Verified, **TO_SEND}, security=NEEDS)
@takes_body(longest)
def verify(path: GalleryPath, query: ThresholdQuery) -> Response:
    """Whether two pictures, with one face each, show one person. Nothing is kept of them."""
    gallery, own = own_gallery(path.gallery), identity()
    threshold = query.threshold or own.threshold
    one, other = _one_face_each(_given().so_many(2), thumbnails=False)
    distance = exact(one.embedding, other.embedding)
    audit("verify", gallery)
    told = Verified(
        same=distance < threshold,
        distance=round(distance, 4),
        threshold=threshold,
        confidence=round(confidence(distance, threshold), 4),
    )
    return _json(told)


def _given() -> Given:
    return read_given(services().settings.detect_max_mb * 1024 * 1024)


def _new_faces(given: Given, *, thumbnails: bool) -> list[NewFace]:
    pictures = given.so_many(1, MOST_PICTURES)
    found = _one_face_each(pictures, thumbnails=thumbnails)
    return [NewFace(face.embedding, thumbnail=face.thumbnail or None) for face in found]


def _one_face_each(pictures: list[bytes], *, thumbnails: bool) -> list[FoundFace]:
    """Raises the picture's own error where there is only one, else BadRequest that names all that cannot be used."""
    found = identity().embedder.one_face_each(pictures, thumbnails=thumbnails)
    faces = [face for face in found if isinstance(face, FoundFace)]
    refused = [(number, face) for number, face in enumerate(found, 1) if isinstance(face, AnalysisError)]
    if refused and len(pictures) == 1:
        raise refused[0][1]
    if refused:
        told = "; ".join(f"picture {number}: {error.message}" for number, error in refused)
        raise BadRequest(told, WRONG_PICTURES)
    return faces


def _person(person: Person) -> PersonFacts:
    faces = [EnrolledFace(face_token=f.token, created=f.created, has_thumbnail=f.has_thumbnail) for f in person.faces]
    return PersonFacts(
        id=person.id,
        name=person.name,
        consent=person.consent,
        created=person.created,
        expires=person.expires,
        faces=faces,
    )


def _match(match: Match, threshold: float) -> MatchFacts:
    return MatchFacts(
        person_id=match.person_id,
        name=match.name,
        face_token=match.token,
        distance=match.distance,
        confidence=round(confidence(match.distance, threshold), 4),
    )


def _box(face: FoundFace) -> list[int]:
    left, top, right, bottom = (round(side) for side in face.box)
    return [left, top, right - left, bottom - top]


def _json(model: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    response = jsonify(model.model_dump(mode="json"))
    response.status_code = status
    return _unkept(response)


def _unkept(response: Response) -> Response:
    """No cache may keep what is known of people."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _describe_bodies() -> None:
    words: dict[str, Any] = {
        "/galleries/{gallery}/people": (Enrolment, "Name, consent reference and pictures.", True),
        "/galleries/{gallery}/people/{person_id}/faces": (MoreFaces, "Pictures.", True),
        "/galleries/{gallery}/identify": (None, "A picture.", False),
        "/galleries/{gallery}/verify": (None, "Two pictures.", True),
    }
    for path, (model, sentence, several) in words.items():
        describe(galleries, path, described(model, sentence, several=several))


_describe_bodies()
