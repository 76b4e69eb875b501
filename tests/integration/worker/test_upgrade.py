"""Two releases side by side: messages and records of the older one, and of one that is still to come."""

from __future__ import annotations

import json

import pytest

from service.errors import BadJob
from service.jobs.job import SCHEMA, AnalysisJob, NewerJob, QueuedJob
from service.jobs.job_table import JobTable
from service.jobs.options import JobOptions
from service.jobs.record import now
from service.worker import receiver
from tests.fixtures.media_made import jpeg
from tests.integration.worker.conftest import Bench

# As the first release with these options has written them, byte for byte.
OLD_MESSAGE = (
    '{"schema": 1, "job_id": "a2ecc1a784d1d59bd4f35360e3636c03", "traceparent": '
    '"00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01", "job": {"container": "uploads", "blob": "face.jpg", '
    '"etag": "0x8D1", "media": "image", "media_type": "wild", "options": {"faces": "many", "au": "static", '
    '"multi_view": true, "overlay": false, "gallery": ""}, "generation": 0}}'
)


def newer(text: str) -> str:
    """Encode the job as a later release might write it."""
    fields = json.loads(text)
    return json.dumps({"schema": SCHEMA + 1, "task": fields["job"], "priority": 5})


def test_a_message_of_the_first_release_is_read_as_it_was_meant() -> None:
    queued = QueuedJob.decode(OLD_MESSAGE)
    assert (queued.job.container, queued.job.blob, queued.job.options.multi_view) == ("uploads", "face.jpg", True)
    assert queued.job.job_id == json.loads(OLD_MESSAGE)["job_id"]


def test_what_is_newer_and_what_is_no_job_are_two_things() -> None:
    with pytest.raises(NewerJob):
        QueuedJob.decode(newer(OLD_MESSAGE))
    for text in ('{"schema": 0}', '{"schema": "2"}', "{}", "nonsense"):
        with pytest.raises(BadJob) as caught:
            QueuedJob.decode(text)
        assert not isinstance(caught.value, NewerJob), text


def old_form(text: str) -> str:
    """A message without what later releases of the same schema have added to it."""
    fields = json.loads(text)
    return json.dumps({name: fields[name] for name in ("schema", "job_id", "traceparent", "job")})


def test_messages_of_both_kinds_wait_side_by_side(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "NEWER_LONGEST_S", 1)
    queue = bench.account.services.queue
    job = bench.submit("face.jpg", jpeg())
    [message] = queue.receive_several(1, 1)
    queue.delete(message)
    queue.send(newer(message.text))
    queue.send(old_form(message.text))
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
        bench.until(lambda: queue.length() == 1)
    # It is neither done nor set aside: a worker of the newer release finds it as it was sent.
    assert queue.poisoned() == []
    found: list[str] = []
    bench.until(lambda: bool(found.extend(each.text for each in queue.receive_several(1, 1)) or found))
    assert found[0] == newer(message.text)


def test_in_the_end_a_newer_message_is_set_aside_word_for_word(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "NEWER_LONGEST_S", 1)
    monkeypatch.setattr(receiver, "NEWER_FOR_S", 3)
    text = newer(OLD_MESSAGE)
    bench.account.services.queue.send(text)
    with bench.worker():
        bench.settled()
    assert bench.account.services.queue.poisoned() == [text]


def test_a_record_of_the_first_release_is_worked_on(bench: Bench) -> None:
    own = bench.account.services
    etag = bench.account.put("face.jpg", jpeg())
    job = AnalysisJob(bench.account.container, "face.jpg", etag, "image", "wild", JobOptions("many", "static", True))
    # The columns that it wrote.
    entity = {
        "PartitionKey": job.job_id,
        "RowKey": job.job_id,
        "job": json.dumps(job.as_dict()),
        "traceparent": "",
        "created": now(),
        "state": "queued",
        "stage": "queued",
        "progress": 0.0,
        "attempts": 0,
        "attempt_id": "",
        "owner": "",
        "error_code": "",
        "error_message": "",
        "cancel_requested": False,
        "superseded_by": "",
        "attempt_published": "",
        "poisoned": False,
    }
    own.table._table.create_entity(entity)
    own.queue.send(old_form(QueuedJob(job, "").encode()))
    with bench.worker():
        assert bench.finished(job).state == "succeeded"


def add(table: JobTable, job_id: str, **more: object) -> None:
    """Write into a record what this release knows nothing of."""
    entity = table._table.get_entity(job_id, job_id)
    table._table.update_entity({**entity, **more})


def test_what_a_newer_release_keeps_in_a_record_stays_there(bench: Bench) -> None:
    table = bench.account.services.table
    job = bench.submit("face.jpg", jpeg())
    add(table, job.job_id, priority=5, reviewed_by="somebody")
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
    entity = table._table.get_entity(job.job_id, job.job_id)
    assert (entity["state"], entity["priority"], entity["reviewed_by"]) == ("succeeded", 5, "somebody")


def test_a_record_that_only_a_newer_release_understands_does_not_end_lists(bench: Bench) -> None:
    table = bench.account.services.table
    known, strange = bench.submit("known.jpg", jpeg(1)), bench.submit("strange.jpg", jpeg(2))
    fields = strange.as_dict()
    fields["options"]["colour"] = "grey"
    add(table, strange.job_id, job=json.dumps(fields))
    listed = table.page(container=bench.account.container, state=None).records
    assert [record.job.job_id for record in listed] == [known.job_id]
    assert [record.job.job_id for record in table.unsettled()] == [known.job_id]
