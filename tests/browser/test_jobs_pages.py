"""*Jobs* and a job's page: where is my file, what became of it, what can be done."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.storage.blob import BlobServiceClient
from playwright.sync_api import Page, expect

from infra.local.stack import LocalStack
from service.errors import EngineCrashed, UnreadableMedia
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.settings import Settings
from service.web.services import Services
from tests.browser.conftest import PHONE, GuardedSite, Visit, looked_at, photographed, violations
from tests.fixtures.media_made import jpeg

OPTIONS = JobOptions.resolve("video", "wild", {})


@pytest.fixture(scope="session")
def services(site: LocalStack) -> Services:
    """Services over the server's storage, to put records into states that a worker seldom reaches."""
    return Services.connect(Settings.load({"AZURE_STORAGE_CONNECTION_STRING": site.connection_string}))


def put(services: Services, container: str, blob: str, change: Callable[[JobRecord], JobRecord]) -> str:
    """A job in some state that no message tells a worker of; returns its id."""
    job = AnalysisJob(container, blob, "0x1", "video", "wild", OPTIONS)
    record = services.table.create(change(JobRecord(job=job, traceparent="00-a-b-01", created=now())))
    services.table.index(record)
    return job.job_id


def running(record: JobRecord) -> JobRecord:
    return replace(record.claimed("someone", "a1", 3600, now()), stage="engine", progress=0.42)


def failed(record: JobRecord) -> JobRecord:
    return replace(running(record).failed(UnreadableMedia("the video ends in its header"), now()), poisoned=True)


def tried_again(record: JobRecord) -> JobRecord:
    crashed = EngineCrashed("killed by signal 9")
    return running(record).released(crashed, "waiting to try again", counted=True)


def cancelled(record: JobRecord) -> JobRecord:
    return record.cancelled(now())


@pytest.fixture(scope="session")
def container(services: Services) -> str:
    """Some jobs of all kinds, in a container of their own."""
    name = f"views-{uuid.uuid4().hex[:8]}"
    put(services, name, "Anna/session 1, take 2 (final), a name as people give them.mp4", failed)
    put(services, name, "Anna/take 3.mp4", cancelled)
    put(services, name, "Bert/take 1.mp4", tried_again)
    put(services, name, "Bert/take 2.mp4", running)
    return name


@pytest.fixture(scope="session")
def done(site: LocalStack) -> str:
    """The page of a job that the worker has really done."""
    name = f"done-{uuid.uuid4().hex[:8]}"
    with BlobServiceClient.from_connection_string(site.connection_string) as storage:
        storage.create_container(name).upload_blob("grey.jpg", jpeg(120))
    request = urllib.request.Request(
        f"{site.service_url}/analyse/image/wild/{name}", method="POST", headers={"Prefer": "wait=25"}
    )
    with urllib.request.urlopen(request, timeout=40) as answer:
        assert answer.status == 200
        return f"/page{answer.headers['Location']}"


def names(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".job-file a").all_inner_texts()]


def test_the_list_is_searched_by_name(window: Visit, container: str) -> None:
    page = window.goto(f"/page/jobs?container={container}")
    expect(page.locator("#count")).to_have_text("4 jobs")
    assert names(page)[0] == "take 2.mp4"
    page.get_by_label("Where is my file?").fill("anna")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("2 jobs")
    assert "text=anna" in page.url
    page.get_by_label("State").select_option("Failed")
    expect(page.locator("#count")).to_have_text("1 job")
    expect(page.get_by_text("The video ends in its header.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("State")).to_have_value("failed")
    expect(page.locator("#count")).to_have_text("1 job")
    page.get_by_label("Where is my file?").fill("nowhere")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#count")).to_have_text("No job matches.")
    page.go_back()
    expect(page.locator("#count")).to_have_text("1 job")


def test_searching_a_job_id_opens_the_job(window: Visit, done: str) -> None:
    page = window.goto("/page/jobs")
    page.get_by_label("Where is my file?").fill(done.rsplit("/", 1)[1])
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("grey.jpg")


def test_long_lists_load_more(window: Visit, services: Services) -> None:
    name = f"many-{uuid.uuid4().hex[:8]}"

    def put_one(number: int) -> None:
        later = timedelta(seconds=number)
        put(services, name, f"{number:02d}.mp4", lambda one: cancelled(replace(one, created=one.created + later)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put_one, range(53)))
    page = window.goto(f"/page/jobs?container={name}")
    expect(page.locator("#count")).to_have_text("50 jobs, and there are older ones")
    page.get_by_role("button", name="Older jobs").click()
    expect(page.locator("#count")).to_have_text("53 jobs")
    assert names(page) == [f"{number:02d}.mp4" for number in reversed(range(53))]
    expect(page.get_by_role("button", name="Older jobs")).to_be_hidden()


def test_unfinished_jobs_update_by_themselves(window: Visit, services: Services) -> None:
    name = f"moving-{uuid.uuid4().hex[:8]}"
    job_id = put(services, name, "a.mp4", running)
    page = window.goto(f"/page/jobs?container={name}")
    expect(page.get_by_text("42 % · measuring faces")).to_be_visible()
    services.table.update(services.table.get(job_id).cancelled(now()))
    expect(page.locator(".jobs .chip")).to_have_text("Cancelled")


def test_a_running_job_is_followed_and_cancelled(window: Visit, services: Services) -> None:
    job_id = put(services, f"follow-{uuid.uuid4().hex[:8]}", "a.mp4", running)
    page = window.goto(f"/page/jobs/{job_id}")
    expect(page.get_by_role("heading", name="In progress")).to_be_visible()
    expect(page.locator("[aria-current=step]")).to_have_text("measuring faces")
    page.get_by_role("button", name="Cancel the job").click()
    dialog = page.get_by_role("dialog", name="Cancel this job?")
    dialog.get_by_role("button", name="Keep it running").click()
    assert not services.table.get(job_id).cancel_requested
    page.get_by_role("button", name="Cancel the job").click()
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(page.locator("#line")).to_have_text("It is being cancelled.")
    record = services.table.get(job_id)
    assert record.cancel_requested
    # What its worker would do next.
    services.table.update(record.cancelled(now()))
    expect(page.locator("#chip")).to_have_text("Cancelled")
    expect(page.get_by_role("heading", name="In progress")).to_be_hidden()
    expect(page.get_by_role("button", name="Run again")).to_be_visible()


def test_a_finished_job_shows_its_result_and_can_be_rerun(window: Visit, done: str) -> None:
    page = window.goto(done)
    expect(page.locator("#chip")).to_have_text("Done")
    steps = page.locator("#steps tr")
    expect(steps.first).to_contain_text("Fetch the file")
    seconds = [float(text) for text in page.locator("#steps td.number").all_inner_texts()]
    assert seconds[-1] == pytest.approx(sum(seconds[:-1]), abs=0.005)
    expect(page.locator("#result-facts")).to_contain_text("openface_lite")
    expect(page.locator("#result-facts")).to_contain_text("permissive")
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (CSV)").click()
    assert download.value.suggested_filename == "grey.csv"
    before = page.url
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("#facts")).to_contain_text("number 1")
    assert page.url != before
    expect(page.locator("#chip")).to_have_text("Done", timeout=30_000)


def test_a_failed_job_shows_advice(window: Visit, services: Services) -> None:
    job_id = put(services, f"failure-{uuid.uuid4().hex[:8]}", "a.mp4", failed)
    window.watch.expect("404")
    page = window.goto(f"/page/jobs/{job_id}")
    expect(page.get_by_role("heading", name="Why it failed")).to_be_visible()
    expect(page.locator("#error-message")).to_have_text("The video ends in its header.")
    expect(page.locator("#advice")).to_contain_text("upload it again from the original")
    expect(page.locator("#error-code")).to_have_text("unreadable_media")
    expect(page.locator("#problem")).to_be_empty()


def test_a_retried_attempt_is_not_shown_as_a_failure(window: Visit, services: Services) -> None:
    job_id = put(services, f"again-{uuid.uuid4().hex[:8]}", "a.mp4", tried_again)
    page = window.goto(f"/page/jobs/{job_id}")
    expect(page.get_by_role("heading", name="Attempt 1 did not succeed")).to_be_visible()
    expect(page.locator("#advice")).to_have_text("Nothing: the job is retried by itself.")


def test_an_unknown_job_is_reported(window: Visit) -> None:
    window.watch.expect("404")
    page = window.goto(f"/page/jobs/{'0' * 32}")
    expect(page.get_by_role("alert").filter(has_text="There is no job")).to_be_visible()


def test_the_list_loads_after_sign_in(visit: Callable[..., Visit], guarded_site: GuardedSite, container: str) -> None:
    window = visit(guarded_site.url)
    window.watch.expect("401")
    page = window.goto(f"/page/jobs?container={container}")
    expect(page.get_by_role("alert").filter(has_text="Sign in to go on.")).to_be_visible()
    page.get_by_label("API key").fill(guarded_site.key)
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("4 jobs")


def test_no_view_breaks_an_accessibility_rule_or_overflows(
    window: Visit, container: str, services: Services, done: str
) -> None:
    window.watch.expect("404")
    page = window.goto(f"/page/jobs?container={container}")
    expect(page.locator("#count")).to_have_text("4 jobs")
    assert looked_at(page, "jobs") == []
    ids = [link.get_attribute("href") for link in page.locator(".job-file a").all()]
    views = {"job-failed": ids[3], "job-done": done}
    for view, path in views.items():
        window.goto(path)
        expect(page.locator("#facts dt").first).to_be_visible()
        if view == "job-done":
            expect(page.locator("#steps tr").first).to_be_visible()
        assert looked_at(page, view) == []
    page.goto(f"{window.watch.origin}{ids[0]}")
    photographed(page, "job-running-desktop")
    page.get_by_role("button", name="Cancel the job").click()
    photographed(page, "job-cancel-desktop")
    assert violations(page) == []


def test_on_a_phone_jobs_are_cards(visit: Callable[..., Visit], site: LocalStack, container: str) -> None:
    window = visit(site.service_url, viewport=PHONE, has_touch=True, is_mobile=True)
    page = window.goto(f"/page/jobs?container={container}")
    expect(page.locator("#count")).to_have_text("4 jobs")
    # The rows are cards now, and still rows of a table to a screen reader.
    assert page.get_by_role("row").count() == 5
    assert page.locator("#rows tr").first.evaluate("row => getComputedStyle(row).display") == "grid"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("link", name="take 2.mp4", exact=True).tap()
    expect(page.locator("#title")).to_have_text("take 2.mp4")
