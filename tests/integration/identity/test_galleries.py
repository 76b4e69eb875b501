"""`/galleries/…` with real embeddings: who is enrolled is known again, and each bad request has its own answer."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from tests.integration.identity.conftest import Caller, Office, encoded, file, no_face, picture, portrait, two_faces

FORM = {"name": "Eileen", "consent": "form 7"}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def enrol(caller: Caller, *pictures: bytes, **more: Any) -> dict[str, Any]:
    body = {**FORM, **more, "images": [b64(each) for each in pictures or (picture(),)]}
    answer = caller.post(f"{caller.gallery}/people", json=body)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def identify(caller: Caller, content: bytes, **query: Any) -> list[dict[str, Any]]:
    answer = caller.post(
        f"{caller.gallery}/identify", data=content, content_type="application/octet-stream", query_string=query
    )
    assert answer.status_code == 200, answer.text
    return answer.get_json()["faces"]


def test_from_enrolment_to_a_receipt(any_office: Office) -> None:
    """The way of one person, with everything that is logged meanwhile."""
    lab = any_office.lab
    with capture_logs() as lines:
        person = enrol(lab, picture(), picture("darker"), thumbnails=True)
        [face] = identify(lab, picture("smaller"))
        [stranger] = identify(lab, picture("smaller"), threshold=0.01)
        renamed = lab.ask("PATCH", f"{lab.gallery}/people/{person['id']}", json={"name": "E. Collins"})
        thumbnail = lab.get(f"{lab.gallery}/faces/{person['faces'][0]['face_token']}/thumbnail")
        exported = lab.get(f"{lab.gallery}/people/{person['id']}/export").get_json()
        receipt = lab.delete(f"{lab.gallery}/people/{person['id']}").get_json()
        again = lab.delete(f"{lab.gallery}/people/{person['id']}")
    assert (person["name"], person["consent"], len(person["faces"])) == ("Eileen", "form 7", 2)
    assert {match["person_id"] for match in face["matches"]} == {person["id"]}
    assert face["matches"][0]["distance"] < 0.35 < face["matches"][0]["confidence"]
    assert stranger["matches"] == []
    assert renamed.get_json()["name"] == "E. Collins"
    assert (thumbnail.content_type, thumbnail.data[:2]) == ("image/jpeg", b"\xff\xd8")
    assert thumbnail.headers["Cache-Control"] == "no-store"
    assert exported["person"]["consent"] == "form 7"
    assert base64.b64decode(exported["faces"][0]["thumbnail"]) == thumbnail.data
    assert (receipt["embeddings"], receipt["thumbnails"], receipt["mentioned_in"]) == (2, 2, [])
    assert (again.status_code, again.get_json()["code"]) == (404, "person_not_found")
    assert identify(lab, picture())[0]["matches"] == []

    actions = [line["action"] for line in lines if line["event"] == "identity.access"]
    assert actions == ["enrol", "identify", "identify", "change", "thumbnail", "export", "delete"]
    assert "Eileen" not in json.dumps(lines, default=str)


def test_the_same_person_is_near_and_another_is_not(office: Office) -> None:
    person = enrol(office.lab)
    for change in ("flipped", "darker", "smaller", "turned"):
        [face] = identify(office.lab, picture(change))
        assert [match["person_id"] for match in face["matches"]] == [person["id"]], change


def test_two_keys_never_see_each_others_faces(office: Office) -> None:
    lab, clinic = office.lab, office.clinic
    person = enrol(lab, thumbnails=True)
    token = person["faces"][0]["face_token"]
    assert identify(clinic, picture())[0]["matches"] == []
    assert clinic.get("/galleries").get_json() == {"galleries": [{"name": "clinic", "people": 0, "faces": 0}]}
    of_lab = [
        ("GET", f"{lab.gallery}"),
        ("GET", f"{lab.gallery}/people"),
        ("GET", f"{lab.gallery}/people/{person['id']}"),
        ("GET", f"{lab.gallery}/people/{person['id']}/export"),
        ("DELETE", f"{lab.gallery}/people/{person['id']}"),
        ("GET", f"{lab.gallery}/faces/{token}/thumbnail"),
        ("DELETE", f"{lab.gallery}/faces/{token}"),
        ("POST", f"{lab.gallery}/identify"),
        ("POST", f"{lab.gallery}/verify"),
        ("POST", f"{lab.gallery}/people"),
        ("POST", f"{lab.gallery}/people/{person['id']}/faces"),
    ]
    for method, path in of_lab:
        answers = [clinic.ask(method, path), clinic.ask(method, path.replace("/lab", "/nobody"))]
        assert [(each.status_code, each.get_json()["code"]) for each in answers] == [(404, "gallery_not_found")] * 2
        if person["id"] in path or token in path:
            # The same ids under its own name.
            assert clinic.ask(method, path.replace("/lab", "/clinic")).status_code == 404
    assert len(lab.get(f"{lab.gallery}/people").get_json()["people"][0]["faces"]) == 1


def test_a_key_without_the_scope_and_no_key_at_all(office: Office) -> None:
    assert office.client.get("/galleries").status_code == 401
    assert office.client.get("/galleries", headers={"X-API-Key": "mak_wrong"}).status_code == 401
    reader = office.reader.get("/galleries")
    assert (reader.status_code, reader.get_json()["code"]) == (403, "forbidden")


def test_two_pictures_are_verified(office: Office) -> None:
    path = f"{office.lab.gallery}/verify"
    same = office.lab.post(path, data={"a": file(picture()), "b": file(picture("flipped"))}).get_json()
    assert same["same"] is True
    assert same["confidence"] > 0.9
    strict = office.lab.post(
        path, json={"images": [b64(picture()), b64(picture("flipped"))]}, query_string={"threshold": 0.01}
    )
    assert strict.get_json()["same"] is False
    one = office.lab.post(path, json={"images": [b64(picture())]})
    assert (one.status_code, one.get_json()["code"]) == (400, "bad_request")


def test_a_face_goes_alone_and_pages_go_on(office: Office) -> None:
    lab = office.lab
    person = enrol(lab, picture())
    more = lab.post(f"{lab.gallery}/people/{person['id']}/faces", data={"image": file(picture("darker"))})
    assert (more.status_code, len(more.get_json()["faces"])) == (201, 2)
    first = lab.delete(f"{lab.gallery}/faces/{person['faces'][0]['face_token']}")
    assert first.get_json()["person_id"] == person["id"]
    listed = lab.get(f"{lab.gallery}/people", query_string={"name": "Eileen"}).get_json()
    assert (len(listed["people"][0]["faces"]), listed["cursor"]) == (1, None)
    none = lab.get(f"{lab.gallery}/people", query_string={"cursor": listed["people"][0]["id"]}).get_json()
    assert none["people"] == []


def test_an_end_is_kept_and_can_be_taken_away(office: Office) -> None:
    lab = office.lab
    soon = datetime.now(UTC) + timedelta(hours=1)
    person = enrol(lab, expires=soon.isoformat())
    assert datetime.fromisoformat(person["expires"]) == soon
    path = f"{lab.gallery}/people/{person['id']}"
    assert lab.ask("PATCH", path, json={"expires": None}).get_json()["expires"] is None
    assert lab.ask("PATCH", path, json={"name": None}).status_code == 400


def body(pictures: list[bytes], **fields: Any) -> dict[str, Any]:
    return {"json": {**FORM, **fields, "images": [b64(each) for each in pictures]}}


BAD = {
    "no consent": (body([picture()], consent=""), 400, "bad_request"),
    "no name": ({"json": {"consent": "form", "images": [b64(picture())]}}, 400, "bad_request"),
    "an unknown field": (body([picture()], nickname="E"), 400, "bad_request"),
    "an end that is over": (body([picture()], expires="2020-01-01T00:00:00Z"), 400, "bad_request"),
    "no picture": (body([]), 400, "no_picture"),
    "a picture that is no text": ({"json": {**FORM, "images": [7]}}, 400, "bad_request"),
    "no base64": ({"json": {**FORM, "images": ["%%%"]}}, 400, "bad_request"),
    "no JSON": ({"data": b"{", "content_type": "application/json"}, 400, "bad_request"),
    "another body": ({"data": b"x", "content_type": "text/plain"}, 415, "unsupported_media"),
    "no face": (body([no_face()]), 400, "no_face"),
    "two faces": (body([two_faces()]), 400, "several_faces"),
    "one of three": (body([picture(), no_face(), picture()]), 400, "pictures_refused"),
    "no such format": (body([b"GIF89a" + bytes(50)]), 415, "unsupported_media"),
    "a torn picture": (body([picture()[:2000]]), 400, "unreadable_media"),
    "too many bytes": (body([bytes(11 << 20)]), 413, "media_too_large"),
    "101 pictures": (body([b"x"] * 101), 400, "bad_request"),
}


@pytest.mark.parametrize("what", BAD)
def test_enrolment_is_refused_with_its_reason(what: str, office: Office) -> None:
    sent, status, code = BAD[what]
    answer = office.lab.post(f"{office.lab.gallery}/people", **sent)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code), answer.text
    if what == "one of three":
        assert "picture 2" in answer.get_json()["detail"]
    assert office.lab.get(office.lab.gallery).get_json()["people"] == 0


def test_large_pictures_of_many_pixels_are_refused_by_their_header(office: Office) -> None:
    wide = encoded(np.zeros((7000, 7000), np.uint8))
    answer = office.lab.post(f"{office.lab.gallery}/identify", data=wide, content_type="image/png")
    assert (answer.status_code, answer.get_json()["code"]) == (413, "media_too_large")


@pytest.mark.parametrize("query", [{"threshold": "near"}, {"threshold": "-1"}, {"threshold": "nan"}, {"limit": "0"}])
def test_odd_numbers_are_refused(query: dict[str, str], office: Office) -> None:
    path = f"{office.lab.gallery}/identify"
    answer = office.lab.post(path, data=picture(), content_type="image/png", query_string=query)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")


def test_identify_answers_for_every_face_of_a_picture(office: Office) -> None:
    enrol(office.lab)
    faces = identify(office.lab, two_faces())
    assert len(faces) == 2
    assert all(face["matches"] for face in faces)
    width = portrait().shape[1]
    assert sorted(face["box"][0] // width for face in faces) == [0, 1]
