"""The older form by names: one key, one gallery; recognition is one-to-one against a user name."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from service.web.identity import legacy_names
from tests.integration.identity.conftest import Caller, Office, file, no_face, picture, two_faces

KEYS = {"responseType", "successDescription", "detectionTime", "confidencePercentage"}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def ask(office: Office, path: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    """As such callers do: no header, the key in the body."""
    answer = office.client.post(path, json=fields)
    return answer.status_code, answer.get_json()


def train(office: Office, caller: Caller, *pictures: bytes, username: str = "eileen") -> tuple[int, dict[str, Any]]:
    images = [b64(each) for each in pictures]
    return ask(office, "/train", API_KEY=caller.text, username=username, images=images)


def recognize(office: Office, caller: Caller, content: bytes, username: str = "eileen") -> dict[str, Any]:
    status, told = ask(office, "/recognize/", API_KEY=caller.text, username=username, image=b64(content))
    assert (status, set(told)) == (200, KEYS)
    assert 0 <= told["detectionTime"] < 60
    return told


def test_a_trained_person_is_recognised(any_office: Office) -> None:
    lab = any_office.lab
    status, trained = train(any_office, lab, picture(), picture("darker"))
    assert (status, trained["responseType"]) == (200, "SUCCESS")
    assert trained["successDescription"] == "Model trained successfully."
    assert (set(trained), trained["rejected"]) == ({*KEYS, "rejected"}, [])

    told = recognize(any_office, lab, picture("flipped"))
    assert (told["responseType"], told["successDescription"]) == ("SUCCESS", "Face recognized successfully.")
    assert 0.9 < told["confidencePercentage"] <= 1

    unknown = recognize(any_office, lab, picture("flipped"), username="sally")
    assert (unknown["responseType"], unknown["successDescription"]) == ("FAILURE", "Face not recognized.")
    assert unknown["confidencePercentage"] is None

    nobody = recognize(any_office, lab, no_face())
    assert (nobody["responseType"], nobody["successDescription"]) == ("FAILURE", "Face not detected.")


def test_a_form_will_do_and_its_pictures_may_be_long(office: Office) -> None:
    text = b64(picture())
    assert len(text) > 100_000
    data = {"API_KEY": office.lab.text, "username": "eileen", "image": text}
    trained = office.client.post("/train", data=data)
    assert trained.get_json()["responseType"] == "SUCCESS", trained.text
    sent = office.client.post(
        "/recognize/", data={"API_KEY": office.lab.text, "username": "eileen", "image": file(picture("smaller"))}
    )
    assert sent.get_json()["successDescription"] == "Face recognized successfully."


def test_pictures_that_cannot_be_used_are_named_and_the_rest_is_used(office: Office) -> None:
    status, told = train(office, office.lab, picture(), no_face(), two_faces(), b"no picture")
    assert (status, told["responseType"]) == (200, "SUCCESS")
    assert [refusal["image"] for refusal in told["rejected"]] == [2, 3, 4]
    assert len({refusal["reason"] for refusal in told["rejected"]}) == 3
    status, told = train(office, office.lab, no_face(), username="sally")
    assert (status, told["responseType"], told["successDescription"]) == (400, "FAILURE", "Face not detected.")
    [person] = office.lab.get("/galleries/lab/people").get_json()["people"]
    assert (person["name"], person["consent"], len(person["faces"])) == ("eileen", "legacy:lab", 1)


def test_two_keys_never_see_each_others_faces(office: Office) -> None:
    train(office, office.lab, picture())
    assert recognize(office, office.clinic, picture())["successDescription"] == "Face not recognized."
    assert recognize(office, office.lab, picture())["successDescription"] == "Face recognized successfully."


def test_each_bad_request_has_its_status(office: Office) -> None:
    own, key = b64(picture()), office.lab.text
    requests: dict[str, tuple[str, dict[str, Any], int]] = {
        "no key": ("/recognize/", {"username": "e", "image": own}, 400),
        "no name": ("/recognize/", {"API_KEY": key, "image": own}, 400),
        "a wrong key": ("/recognize/", {"API_KEY": "mak_wrong", "username": "e", "image": own}, 401),
        "a key that is no text": ("/train", {"API_KEY": 7, "username": "e", "image": own}, 401),
        "a name that is no text": ("/train", {"API_KEY": key, "username": [1], "image": own}, 400),
        "a long name": ("/train", {"API_KEY": key, "username": "e" * 201, "image": own}, 400),
        "no picture": ("/recognize/", {"API_KEY": key, "username": "e"}, 400),
        "two pictures": ("/recognize/", {"API_KEY": key, "username": "e", "images": [own, own]}, 400),
        "two faces": ("/recognize/", {"API_KEY": key, "username": "e", "image": b64(two_faces())}, 400),
        "no base64": ("/recognize/", {"API_KEY": key, "username": "e", "image": "%"}, 400),
        "another file": ("/recognize/", {"API_KEY": key, "username": "e", "image": b64(b"hello" * 9)}, 400),
        "a GIF": ("/recognize/", {"API_KEY": key, "username": "e", "image": b64(b"GIF89a" + bytes(99))}, 415),
        "a large file": ("/train", {"API_KEY": key, "username": "e", "image": b64(bytes(11 << 20))}, 413),
        "101 pictures": ("/train", {"API_KEY": key, "username": "e", "images": ["eA=="] * 101}, 400),
    }
    answered = {}
    for what, (path, fields, _) in requests.items():
        status, told = ask(office, path, **fields)
        assert set(told) == KEYS
        assert told["responseType"] == "FAILURE"
        answered[what] = status
    assert answered == {what: status for what, (_, _, status) in requests.items()}


@pytest.mark.parametrize("path", ["/train", "/recognize/"])
def test_a_key_without_the_scope_may_not(path: str, office: Office) -> None:
    status, told = ask(office, path, API_KEY=office.reader.text, username="e", image=b64(picture()))
    assert (status, told["responseType"]) == (403, "FAILURE")


@pytest.mark.parametrize("path", ["/recognize", "/recognize/"])
def test_recognize_works_with_and_without_the_slash(office: Office, path: str) -> None:
    train(office, office.lab, picture())
    status, told = ask(office, path, API_KEY=office.lab.text, username="eileen", image=b64(picture()))
    assert (status, told["successDescription"]) == (200, "Face recognized successfully.")


def test_the_key_of_the_header_is_enough(office: Office) -> None:
    fields = {"username": "eileen", "image": b64(picture())}
    answer = office.client.post("/recognize", json=fields, headers={"X-API-Key": office.lab.text})
    assert answer.get_json()["successDescription"] == "Face not recognized."


def test_a_wrong_key_in_the_header_is_refused_before_the_body(office: Office) -> None:
    answer = office.client.post("/train", data=b"{" * 1000, headers={"X-API-Key": "mak_wrong"})
    assert (answer.status_code, answer.get_json()["successDescription"]) == (401, "API_KEY is not known.")


def test_long_bodies_need_the_key_in_the_header(office: Office) -> None:
    picture_text = b'"' + b"A" * (10 << 20) + b'"'
    body = b'{"images": [' + picture_text + b"," + picture_text + b"]}"
    keyless = office.client.post("/train", data=body, content_type="application/json")
    assert (keyless.status_code, set(keyless.get_json())) == (413, KEYS)
    headers = {"X-API-Key": office.lab.text}
    keyed = office.client.post("/train", data=body, content_type="application/json", headers=headers)
    assert keyed.get_json()["successDescription"] == "username is missing."


def test_few_bodies_are_read_before_their_key_is_known(office: Office) -> None:
    slots = [legacy_names._keyless_slots.acquire(blocking=False) for _ in range(legacy_names.KEYLESS_BODIES)]
    try:
        assert all(slots)
        assert ask(office, "/recognize", API_KEY=office.lab.text, username="e", image=b64(picture()))[0] == 503
        headers = {"X-API-Key": office.lab.text}
        answer = office.client.post("/recognize", json={"username": "e", "image": b64(picture())}, headers=headers)
        assert answer.status_code == 200
    finally:
        for _ in slots:
            legacy_names._keyless_slots.release()
