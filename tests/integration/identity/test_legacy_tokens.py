"""The older form by tokens: its fields, its spellings, its seven errors."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from service.identity.pending_faces import PendingFace
from tests.integration.identity.conftest import (
    Caller,
    Office,
    encoded,
    file,
    made_up,
    no_face,
    picture,
    portrait,
    two_faces,
)

THREADS = 16


def form(content: bytes, **fields: str) -> dict[str, Any]:
    # As bytes: the test client keeps a long form in a file that it does not close.
    boundary, body = encode_multipart({"image_file": FileStorage(io.BytesIO(content), "p.png"), **fields})
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def detected(caller: Caller, content: bytes) -> list[dict[str, Any]]:
    answer = caller.post("/detect", **form(content))
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    assert (told["success"], told["sucess"], told["face_num"]) == (True, True, len(told["faces"]))
    return told["faces"]


def results(caller: Caller, face_token: str, threshold: str = "0.65") -> list[dict[str, Any]]:
    answer = caller.get("/search", query_string={"face_token": face_token, "threshold": threshold})
    assert answer.status_code == 200, answer.text
    return answer.get_json()["cmp_result"]


def add(caller: Caller, face_token: str, **more: str) -> Any:
    return caller.post("/addface", query_string={"face_token": face_token, **more})


def problem(answer: Any) -> tuple[int, int, str]:
    told = answer.get_json()
    assert set(told) == {"error_code", "error_message"}
    return answer.status_code, told["error_code"], told["error_message"]


def test_a_face_is_detected_added_found_and_removed(any_office: Office) -> None:
    lab = any_office.lab
    [face] = detected(lab, picture())
    assert set(face) == {"face_token", "face_name", "top_left", "bottom_right"}
    assert (len(face["face_token"]), face["face_token"].isalnum()) == (24, True)
    (left, top), (right, bottom) = face["top_left"], face["bottom_right"]
    assert 0 < left < right < portrait().shape[1] and 0 < top < bottom < portrait().shape[0]
    assert results(lab, face["face_token"]) == []

    added = add(lab, face["face_token"], face_name="Eileen").get_json()
    assert added == {
        "success": True,
        "sucess": True,
        "face_token": face["face_token"],
        "face_name": "Eileen",
        "face_neme": "Eileen",
    }
    answer = lab.post("/search", **form(picture("flipped"), threshold="0.65"))
    told = answer.get_json()
    assert (told["success"], told["sucess"], told["threshold"], len(told["face_token"])) == (True, True, "0.65", 24)
    [match] = told["cmp_result"]
    assert (match["face_token"], match["face_name"]) == (face["face_token"], "Eileen")
    assert 0 < match["distant"] < 0.5
    assert results(lab, told["face_token"]) == [match]
    assert results(lab, told["face_token"], str(match["distant"] / 2)) == []

    removed = lab.get("/removeface", query_string={"face_token": face["face_token"]}).get_json()
    assert removed == {"success": True, "sucess": True, "face_token": face["face_token"]}
    assert problem(lab.get("/removeface", query_string={"face_token": face["face_token"]}))[1] == 1006
    assert results(lab, told["face_token"]) == []


def test_nearest_first_and_unknown_where_no_name_is_given(office: Office) -> None:
    lab = office.lab
    tokens = {change: detected(lab, picture(change))[0]["face_token"] for change in ("", "smaller", "flipped")}
    assert lab.get("/addface", query_string={"face_token": tokens["smaller"]}).get_json()["face_neme"] == "unknown"
    assert add(lab, tokens["flipped"]).get_json()["face_name"] == "unknown"
    found = results(lab, tokens[""])
    assert {match["face_token"] for match in found} == {tokens["smaller"], tokens["flipped"]}
    assert [match["distant"] for match in found] == sorted(match["distant"] for match in found)


def test_an_added_face_is_recorded_with_its_key_as_consent(office: Office) -> None:
    [face] = detected(office.lab, picture())
    add(office.lab, face["face_token"], face_name="Eileen")
    [person] = office.lab.get("/galleries/lab/people").get_json()["people"]
    assert person["consent"] == "legacy:lab"
    assert [held["has_thumbnail"] for held in person["faces"]] == [False]


def test_two_keys_never_see_each_others_faces(office: Office) -> None:
    lab, clinic = office.lab, office.clinic
    [face] = detected(lab, picture())
    for answer in (
        add(clinic, face["face_token"]),
        clinic.get("/search", query_string={"face_token": face["face_token"], "threshold": "1"}),
        clinic.post("/removeface", query_string={"face_token": face["face_token"]}),
    ):
        assert problem(answer) == (404, 1006, "FACE_TOKEN_ERROR")
    add(lab, face["face_token"], face_name="Eileen")
    assert clinic.post("/search", **form(picture(), threshold="2")).get_json()["cmp_result"] == []
    assert problem(clinic.post("/removeface", query_string={"face_token": face["face_token"]}))[1] == 1006
    assert len(results(lab, face["face_token"])) == 1


def test_no_face_is_an_empty_list_and_two_are_two(office: Office) -> None:
    assert detected(office.lab, no_face()) == []
    assert len(detected(office.lab, two_faces())) == 2


def test_faces_under_30_pixels_are_not_told(office: Office) -> None:
    small = cv2.resize(portrait(), None, fx=0.26, fy=0.26, interpolation=cv2.INTER_AREA)
    canvas = np.full((160, 160, 3), 90, np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    assert detected(office.lab, encoded(canvas)) == []
    answer = office.lab.post("/galleries/lab/identify", data=encoded(canvas), content_type="image/png")
    [face] = answer.get_json()["faces"]
    assert min(face["box"][2:]) < 30


TOO_SMALL = encoded(np.zeros((47, 100, 3), np.uint8))
TOO_LARGE = encoded(np.zeros((60, 4097, 3), np.uint8))


def bad_requests() -> dict[str, tuple[str, str, dict[str, Any], tuple[int, int]]]:
    unknown = "f" * 24
    return {
        "no file": ("POST", "/detect", {}, (400, 1002)),
        "another field": ("POST", "/detect", {"data": {"picture": file(picture())}}, (400, 1005)),
        "an empty file": ("POST", "/detect", form(b""), (400, 1005)),
        "no picture": ("POST", "/detect", form(b"hello"), (400, 1004)),
        "GIF": ("POST", "/detect", form(b"GIF89a" + bytes(99)), (415, 1004)),
        "BMP": ("POST", "/detect", form(encoded(portrait(), ".bmp")), (415, 1004)),
        "47 pixels": ("POST", "/detect", form(TOO_SMALL), (400, 1004)),
        "4097 pixels": ("POST", "/detect", form(TOO_LARGE), (413, 1004)),
        "over 2 MB": ("POST", "/detect", form(picture() + bytes(2 << 20)), (413, 1004)),
        "over any limit": (
            "POST",
            "/detect",
            {"data": bytes(5 << 20), "content_type": "multipart/form-data; boundary=x"},
            (413, 1005),
        ),
        "torn": ("POST", "/detect", form(picture()[:3000]), (400, 1004)),
        "no threshold": ("GET", "/search", {"query_string": {"face_token": unknown}}, (400, 1002)),
        "no token": ("GET", "/search", {"query_string": {"threshold": "0.6"}}, (400, 1002)),
        "a word": ("GET", "/search", {"query_string": {"face_token": unknown, "threshold": "near"}}, (400, 1001)),
        "negative": ("GET", "/search", {"query_string": {"face_token": unknown, "threshold": "-0.1"}}, (400, 1001)),
        "not a number": ("GET", "/search", {"query_string": {"face_token": unknown, "threshold": "nan"}}, (400, 1001)),
        "unknown token": ("GET", "/search", {"query_string": {"face_token": unknown, "threshold": "1"}}, (404, 1006)),
        "a short token": ("GET", "/search", {"query_string": {"face_token": "f", "threshold": "1"}}, (404, 1006)),
        "search without threshold": ("POST", "/search", form(picture()), (400, 1002)),
        "search without file": ("POST", "/search", {"data": {"threshold": "0.6"}}, (400, 1002)),
        "search without face": ("POST", "/search", form(no_face(), threshold="0.6"), (400, 1007)),
        "add nothing": ("POST", "/addface", {}, (400, 1002)),
        "add unknown": ("GET", "/addface", {"query_string": {"face_token": unknown}}, (404, 1006)),
        "a long name": (
            "POST",
            "/addface",
            {"query_string": {"face_token": unknown, "face_name": "x" * 201}},
            (400, 1001),
        ),
        "remove nothing": ("GET", "/removeface", {}, (400, 1002)),
        "remove unknown": ("POST", "/removeface", {"query_string": {"face_token": unknown}}, (404, 1006)),
    }


def test_each_bad_request_has_its_code_and_status(office: Office) -> None:
    names = {
        1001: "BAD_ARGUMENTS",
        1002: "MISSING_ARGUMENTS",
        1003: "INTERNAL_ERROR",
        1004: "FILE_ERROR",
        1005: "UPLOAD_ERROR",
        1006: "FACE_TOKEN_ERROR",
        1007: "FACE_INFO_ERROR",
    }
    wrong = {}
    for what, (method, path, sent, (status, code)) in bad_requests().items():
        answered = problem(office.lab.ask(method, path, **sent))
        if answered != (status, code, names[code]):
            wrong[what] = answered
    assert wrong == {}


def test_a_database_that_is_away_is_an_internal_error(office: Office) -> None:
    office.identity.store.close()
    path = office.settings.workspace / "identity" / "identity.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    for extra in ("-wal", "-shm"):
        path.with_name(path.name + extra).unlink(missing_ok=True)
    answer = office.lab.get("/search", query_string={"face_token": "f" * 24, "threshold": "1"})
    assert problem(answer) == (503, 1003, "INTERNAL_ERROR")


def test_sixteen_callers_at_once_lose_nothing(office: Office) -> None:
    """Each adds a face that waits, finds it, and removes it if its number is odd."""
    lab = office.lab
    tokens = office.identity.pending.keep("lab", [PendingFace(made_up(n, near=99, apart=0.3)) for n in range(THREADS)])

    def work(number: int) -> None:
        own = {"query_string": {"face_token": tokens[number]}}
        assert (
            lab.get("/addface", query_string={"face_token": tokens[number], "face_name": f"n{number}"}).status_code
            == 200
        )
        assert tokens[number] in {match["face_token"] for match in results(lab, tokens[number])}
        if number % 2:
            assert lab.get("/removeface", **own).status_code == 200

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS)))
    left = {match["face_name"] for match in results(lab, tokens[0], "2")}
    assert left == {f"n{number}" for number in range(0, THREADS, 2)}
