"""`/galleries/…`: enrol, list, verify, identify, rename and remove people."""

from __future__ import annotations

import base64
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel

from service.errors import AnalysisError, BadRequest
from service.identity.embedder import FoundFace
from service.identity.erasure import erase_face, erase_person
from service.identity.galleries import PAGE, Match, NewFace, Person
from service.identity.rights import audit, export_person
from service.identity.vectors import confidence, exact
from service.web.identity.models import (
    Change,
    EnrolledFace,
    Enrolment,
    FacePath,
    Gallery,
    GalleryList,
    GalleryPath,
    HeldFace,
    Identified,
    IdentifiedFace,
    MatchFacts,
    Mentioned,
    MoreFaces,
    People,
    PeopleQuery,
    PersonExport,
    PersonFacts,
    PersonPath,
    ReceiptFacts,
    RemovedFace,
    SearchQuery,
    ThresholdQuery,
    Verified,
)
from service.web.identity.own_gallery import identity, own_gallery
from service.web.protocol.bodies import takes_body
from service.web.protocol.openapi import content, needs, operation_name, problems
from service.web.protocol.pictures import (
    MOST_PICTURES,
    PictureBody,
    body_limit_of_many,
    body_limit_of_two,
    describe_body,
    form_content,
    read_pictures,
    request_body,
)
from service.web.services import services

NEEDS = needs("identity")
TO_READ = problems(400, 404, 503)
TO_SEND = problems(400, 404, 408, 413, 415, 503)
WRONG_PICTURES = "pictures_refused"

galleries = APIBlueprint("galleries", __name__, abp_tags=[Tag(name="Who is it")], operation_id_callback=operation_name)


@galleries.get("/galleries", endpoint="all", responses={200: GalleryList, **problems(400, 503)}, security=NEEDS)
def list_galleries() -> Response:
    """List the caller's gallery; each key has one."""
    facts = identity().galleries.facts(own_gallery())
    audit("list", facts.name)
    return _json(GalleryList(galleries=[Gallery(**asdict(facts))]))


@galleries.get("/galleries/<gallery>", endpoint="one", responses={200: Gallery, **TO_READ}, security=NEEDS)
def get_gallery(path: GalleryPath) -> Response:
    """Count a gallery's people and faces."""
    facts = identity().galleries.facts(own_gallery(path.gallery))
    audit("list", facts.name)
    return _json(Gallery(**asdict(facts)))


@galleries.get("/galleries/<gallery>/people", endpoint="people", responses={200: People, **TO_READ}, security=NEEDS)
def list_people(path: GalleryPath, query: PeopleQuery) -> Response:
    """List the people of a gallery."""
    gallery = own_gallery(path.gallery)
    found = identity().galleries.page(gallery, name=query.name or "", after=query.cursor or "", limit=PAGE + 1)
    audit("list", gallery, people=len(found))
    cursor = found[PAGE - 1].id if len(found) > PAGE else None
    return _json(People(people=[_person(person) for person in found[:PAGE]], cursor=cursor))


@galleries.post(
    "/galleries/<gallery>/people", endpoint="enrol", responses={201: PersonFacts, **TO_SEND}, security=NEEDS
)
@takes_body(body_limit_of_many)
def enrol(path: GalleryPath) -> Response:
    """Enrol a person with 1 to 100 pictures of one face each.

    A picture without exactly one face refuses the whole request, and the error names the picture.
    """
    gallery = own_gallery(path.gallery)
    body = _body()
    enrolment = body.as_model(Enrolment)
    new = _new_faces(body, thumbnails=enrolment.thumbnails)
    person = identity().galleries.enrol(gallery, enrolment.name, enrolment.consent, enrolment.expires, new)
    audit("enrol", gallery, person_id=person.id, faces=len(new), consent=enrolment.consent)
    return _json(_person(person), HTTPStatus.CREATED)


@galleries.get(
    "/galleries/<gallery>/people/<person_id>",
    endpoint="person",
    responses={200: PersonFacts, **TO_READ},
    security=NEEDS,
)
def get_person(path: PersonPath) -> Response:
    """Show a person."""
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
    """Change a person's name, consent reference or expiry."""
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
    """Delete a person with all embeddings, thumbnails and tokens, also from results; returns a receipt."""
    gallery = own_gallery(path.gallery)
    erased = erase_person(identity().store, services().blobs, gallery, path.person_id, action="delete")
    facts = asdict(erased.receipt) | {"results_changed": erased.results_changed}
    return _json(ReceiptFacts.model_validate(facts))


@galleries.get(
    "/galleries/<gallery>/people/<person_id>/export",
    endpoint="export",
    responses={200: PersonExport, **TO_READ},
    security=NEEDS,
)
def export(path: PersonPath) -> Response:
    """Export a person's data; embeddings are listed and not exported."""
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
@takes_body(body_limit_of_many)
def add_faces(path: PersonPath) -> Response:
    """Add pictures to an enrolled person."""
    gallery = own_gallery(path.gallery)
    identity().galleries.person(gallery, path.person_id)
    body = _body()
    new = _new_faces(body, thumbnails=body.as_model(MoreFaces).thumbnails)
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
    """Delete a face, and its person with the last one."""
    gallery = own_gallery(path.gallery)
    person_id = erase_face(identity().galleries, services().blobs, gallery, path.face_token)
    audit("delete_face", gallery, person_id=person_id)
    return _json(RemovedFace(face_token=path.face_token, person_id=person_id))


@galleries.get(
    "/galleries/<gallery>/faces/<face_token>/thumbnail",
    endpoint="thumbnail",
    responses={200: content("image/jpeg", None), **TO_READ},
    security=NEEDS,
)
def thumbnail(path: FacePath) -> Response:
    """Download the thumbnail of a face, where one is kept."""
    gallery = own_gallery(path.gallery)
    audit("thumbnail", gallery)
    return _not_cached(Response(identity().galleries.thumbnail(gallery, path.face_token), content_type="image/jpeg"))


@galleries.post(
    "/galleries/<gallery>/identify", endpoint="identify", responses={200: Identified, **TO_SEND}, security=NEEDS
)
@takes_body(body_limit_of_two)
def identify(path: GalleryPath, query: SearchQuery) -> Response:
    """Find, for each face of a picture, the nearest enrolled faces below the threshold."""
    gallery, own = own_gallery(path.gallery), identity()
    threshold = query.threshold or own.threshold
    found = own.embedder.faces(_body().one())
    faces = []
    for face in found:
        matches = own.galleries.nearest(gallery, face.embedding, threshold, query.limit)
        facts = [_match(match, threshold) for match in matches]
        faces.append(IdentifiedFace(box=_box(face), confidence=face.confidence, matches=facts))
    people = sorted({match.person_id for face in faces for match in face.matches})
    audit("identify", gallery, faces=len(faces), people=people)
    return _json(Identified(threshold=threshold, faces=faces))


@galleries.post("/galleries/<gallery>/verify", endpoint="verify", responses={200: Verified, **TO_SEND}, security=NEEDS)
@takes_body(body_limit_of_two)
def verify(path: GalleryPath, query: ThresholdQuery) -> Response:
    """Compare two pictures with one face each: do they show one person? Nothing is stored."""
    gallery, own = own_gallery(path.gallery), identity()
    threshold = query.threshold or own.threshold
    one, other = _one_face_each(_body().between(2, 2), thumbnails=False)
    distance = exact(one.embedding, other.embedding)
    audit("verify", gallery)
    verified = Verified(
        same=distance < threshold,
        distance=round(distance, 4),
        threshold=threshold,
        confidence=round(confidence(distance, threshold), 4),
    )
    return _json(verified)


def _body() -> PictureBody:
    return read_pictures(services().settings.detect_max_mb * 1024 * 1024)


def _new_faces(body: PictureBody, *, thumbnails: bool) -> list[NewFace]:
    pictures = body.between(1, MOST_PICTURES)
    found = _one_face_each(pictures, thumbnails=thumbnails)
    return [NewFace(face.embedding, thumbnail=face.thumbnail or None) for face in found]


def _one_face_each(pictures: list[bytes], *, thumbnails: bool) -> list[FoundFace]:
    """Find one face in each picture. Raises the error of the only picture, or BadRequest naming all refused ones."""
    found = identity().embedder.one_face_each(pictures, thumbnails=thumbnails)
    faces = [face for face in found if isinstance(face, FoundFace)]
    refused = [(number, face) for number, face in enumerate(found, 1) if isinstance(face, AnalysisError)]
    if refused and len(pictures) == 1:
        raise refused[0][1]
    if refused:
        reasons = "; ".join(f"picture {number}: {error.message}" for number, error in refused)
        raise BadRequest(reasons, WRONG_PICTURES)
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
    return _not_cached(response)


def _not_cached(response: Response) -> Response:
    """Forbid caches to keep personal data."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _describe_bodies() -> None:
    bodies: dict[str, Any] = {
        "/galleries/{gallery}/people": (Enrolment, "Name, consent reference and pictures.", True),
        "/galleries/{gallery}/people/{person_id}/faces": (MoreFaces, "Pictures.", True),
        "/galleries/{gallery}/identify": (None, "A picture.", False),
        "/galleries/{gallery}/verify": (None, "Two pictures.", True),
    }
    for path, (model, sentence, several) in bodies.items():
        describe_body(galleries, path, request_body(sentence, form_content(model, several=several)))


_describe_bodies()
