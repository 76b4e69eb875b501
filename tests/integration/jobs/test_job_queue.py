"""Messages that are held are received by no worker meanwhile; the queue's length comes with storage's time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.jobs.job_queue import JobQueue, MessageGone
from service.jobs.record import now
from tests.conftest import StorageAccount


@pytest.fixture
def queue(account: StorageAccount) -> JobQueue:
    return account.services.queue


def test_held_messages_are_received_at_once_after_the_hold_but_for_the_deleted(queue: JobQueue) -> None:
    for text in ("a", "b", "c"):
        queue.send(text)
    with queue.hold_waiting() as held:
        messages = {message.text: message for message in held.messages()}
        assert sorted(messages) == ["a", "b", "c"]
        assert queue.receive(60) is None
        held.delete(messages["b"])
    assert sorted(message.text for message in queue.receive_several(60, 9)) == ["a", "c"]


def test_a_message_that_is_hidden_for_no_time_is_received_at_once_by_its_new_receipt(queue: JobQueue) -> None:
    queue.send("a")
    first = queue.receive(60)
    assert first
    assert (first.text, first.dequeue_count) == ("a", 1)
    queue.hide(first, 0)
    second = queue.receive(60)
    assert second
    assert second.dequeue_count == 2
    with pytest.raises(MessageGone):
        queue.delete(first)
    queue.delete(second)
    assert queue.length() == 0


def test_the_length_comes_with_storages_time(queue: JobQueue) -> None:
    queue.send("a")
    length, date = queue.length_and_date()
    assert length == 1
    assert date
    assert abs(now() - date) < timedelta(minutes=1)


def test_the_head_of_the_queue_says_since_when_messages_wait(queue: JobQueue) -> None:
    assert queue.oldest_waiting() is None
    queue.send("a")
    oldest = queue.oldest_waiting()
    assert oldest
    assert abs(now() - oldest) < timedelta(minutes=1)
