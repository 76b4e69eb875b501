"""Keys with `read:own` and `analyse:own` see and change the jobs and uploads of their own, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.jobs.submit import UPLOADED_BY
from tests.conftest import ASTRONAUT, StorageAccount
from tests.integration.web.conftest import Guarded, make_job
from tests.integration.web.test_auth import NEEDED

OF_A_JOB = [place for place in NEEDED if "<job_id>" in place[1]]


@pytest.fixture
def guarded(door: Callable[..., Guarded]) -> Guarded:
    return door()


def put(guarded: Guarded, account: StorageAccount, blob: str, scope: str) -> int:
    answer = guarded.client.put(
        f"/uploads/{account.container}?blob={blob}", data=ASTRONAUT.read_bytes(), headers=guarded.headers(scope)
    )
    return answer.status_code


@pytest.mark.parametrize(("method", "rule"), OF_A_JOB)
def test_each_route_of_a_job_knows_only_the_key_s_own(
    guarded: Guarded, account: StorageAccount, method: str, rule: str
) -> None:
    scope = f"{NEEDED[method, rule]}:own"
    body = {"json": {"excluded": []}} if method == "PUT" else {}
    answers = {}
    for whose in ("someone-else", scope.replace(":", "-")):
        job = make_job(account, f"{whose}.jpg", "succeeded", whose).job
        path = rule.replace("<job_id>", job.job_id)
        answers[whose] = guarded.client.open(path, method=method, headers=guarded.headers(scope), **body)
        if whose == "someone-else":
            missing = guarded.client.open(
                rule.replace("<job_id>", "0" * 32), method=method, headers=guarded.headers(scope), **body
            )
            told = answers[whose].get_json()
            assert (answers[whose].status_code, told["code"]) == (missing.status_code, missing.get_json()["code"])
            assert answers[whose].status_code == 404
        else:
            assert answers[whose].get_json(silent=True) is None or answers[whose].json.get("code") != "job_not_found"
            assert answers[whose].status_code != 403


def test_a_list_has_the_key_s_own_jobs(guarded: Guarded, account: StorageAccount) -> None:
    mine = make_job(account, "mine.jpg", key_name="read-own").job.job_id
    others = make_job(account, "others.jpg", key_name="someone-else").job.job_id
    nobodys = make_job(account, "nobodys.jpg").job.job_id

    def listed(scope: str, **query: str) -> set[str]:
        answer = guarded.client.get("/jobs", query_string=query, headers=guarded.headers(scope))
        return {job["id"] for job in answer.json["jobs"]}

    assert listed("read:own") == listed("read:own", state="queued") == {mine}
    assert listed("read:own", container=account.container) == listed("read:own", text=".jpg") == {mine}
    assert listed("read") == {mine, others, nobodys}


def test_an_upload_bears_the_name_of_its_key_and_is_shown_to_it_alone(
    guarded: Guarded, account: StorageAccount
) -> None:
    assert put(guarded, account, "others.png", "analyse") == 201
    assert account.services.blobs.info(account.container, "others.png").metadata[UPLOADED_BY] == "analyse"
    shown = {
        scope: guarded.client.get(
            f"/uploads/{account.container}?blob=others.png", headers=guarded.headers(scope)
        ).status_code
        for scope in ("read", "read:own")
    }
    assert shown == {"read": 200, "read:own": 404}
    # The name is taken; of what lies there it learns nothing, not even that it is the same file.
    again = guarded.client.put(
        f"/uploads/{account.container}?blob=others.png",
        data=ASTRONAUT.read_bytes(),
        headers=guarded.headers("analyse:own"),
    )
    assert (again.status_code, "bytes" in again.json["detail"]) == (409, False)


def test_a_key_analyses_uploads_of_its_own(guarded: Guarded, account: StorageAccount) -> None:
    put(guarded, account, "others.png", "analyse")
    put(guarded, account, "mine.png", "analyse:own")
    headers = guarded.headers("analyse:own")
    route = f"/analyse/image/wild/{account.container}"
    refused = guarded.client.post(f"{route}?blob=others.png", headers=headers)
    missing = guarded.client.post(f"{route}?blob=none.png", headers=headers)
    assert (
        (refused.status_code, refused.json["code"])
        == (missing.status_code, missing.json["code"])
        == (404, "media_not_found")
    )
    started = guarded.client.post(f"{route}?blob=mine.png", headers=headers)
    assert started.status_code == 202
    whole = guarded.client.post(route, headers=headers)
    assert [job["blob"] for job in whole.json["jobs"]] == ["mine.png"]
    [job] = started.json["jobs"]
    assert account.services.table.get(job["id"]).key_name == "analyse-own"


def test_a_job_that_an_event_started_is_its_uploader_s(guarded: Guarded, account: StorageAccount) -> None:
    put(guarded, account, "mine.png", "analyse:own")
    answer = guarded.client.post(
        f"/analyse/image/wild/{account.container}?blob=mine.png", headers=guarded.headers("analyse")
    )
    [job] = answer.json["jobs"]
    cancelled = guarded.client.post(f"/jobs/{job['id']}/cancel", headers=guarded.headers("analyse:own"))
    assert cancelled.status_code == 202


def test_a_scope_of_all_is_not_narrowed(guarded: Guarded, account: StorageAccount) -> None:
    job_id = make_job(account, "others.jpg", key_name="someone-else").job.job_id
    for scope in ("read", "admin"):
        assert guarded.client.get(f"/jobs/{job_id}", headers=guarded.headers(scope)).status_code == 200
