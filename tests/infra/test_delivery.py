import threading
import time
from itertools import pairwise

import pytest

from infra.local.function_runner.blob_watch import SeenBlob
from infra.local.function_runner.delivery import MOST_FAILURES, Delivery, Subscriber
from infra.local.function_runner.sent_versions import SentVersions
from tests.infra.until import until


def seen(name="p.jpg", etag="1"):
    return SeenBlob("account", "http://storage", "c1", name, etag, 5, "image/jpeg", "BlockBlob")


class Recording:
    """A subscriber that fails as often as told, and notes what it got."""

    def __init__(self, failures=0, failed_give_ups=0):
        self.calls, self.given_up = [], []
        self._failures, self._failed_give_ups = failures, failed_give_ups

    def subscriber(self):
        return Subscriber("recording", lambda blob: blob.container == "c1", self.call, self.give_up)

    def call(self, blob):
        self.calls.append(blob)
        if len(self.calls) <= self._failures:
            raise RuntimeError("not now")

    def give_up(self, blob):
        if self._failed_give_ups:
            self._failed_give_ups -= 1
            raise OSError("storage is away")
        self.given_up.append(blob)


@pytest.fixture
def sent(tmp_path):
    return SentVersions(tmp_path / "delivered.json")


@pytest.fixture
def delivery_to(sent):
    opened = []

    def deliver(*recordings, **options):
        subscribers = [each.subscriber() for each in recordings]
        opened.append(Delivery(subscribers, sent, first_wait_s=0.01, **options))
        return opened[-1]

    yield deliver
    for delivery in opened:
        delivery.close()


def run_until_sent(delivery, sent, blob):
    def done():
        delivery.run_due()
        return blob.version in sent

    until(done)


def test_a_version_is_delivered_once_and_an_overwrite_again(delivery_to, sent):
    recording = Recording()
    delivery = delivery_to(recording)
    for blob in (seen(), seen(), seen(etag="2")):
        delivery.offer(blob)
        run_until_sent(delivery, sent, blob)
    assert [blob.etag for blob in recording.calls] == ["1", "2"]


def test_failures_are_tried_again(delivery_to, sent):
    recording = Recording(failures=MOST_FAILURES - 1)
    delivery = delivery_to(recording)
    delivery.offer(seen())
    run_until_sent(delivery, sent, seen())
    assert (len(recording.calls), recording.given_up) == (MOST_FAILURES, [])


def test_the_fifth_failure_moves_the_event_aside(delivery_to, sent):
    recording = Recording(failures=99)
    delivery = delivery_to(recording)
    delivery.offer(seen())
    run_until_sent(delivery, sent, seen())
    assert (len(recording.calls), recording.given_up) == (MOST_FAILURES, [seen()])


def test_an_event_that_cannot_be_moved_aside_is_kept(delivery_to, sent):
    recording = Recording(failures=99, failed_give_ups=2)
    delivery = delivery_to(recording)
    delivery.offer(seen())
    run_until_sent(delivery, sent, seen())
    assert (len(recording.calls), recording.given_up) == (MOST_FAILURES, [seen()])


def test_one_subscribers_failure_does_not_call_the_other_again(delivery_to, sent):
    failing, other = Recording(failures=2), Recording()
    delivery = delivery_to(failing, other)
    delivery.offer(seen())
    run_until_sent(delivery, sent, seen())
    assert (len(failing.calls), len(other.calls)) == (3, 1)


def test_several_are_delivered_at_once(sent, delivery_to):
    together = threading.Barrier(3, timeout=5)

    class Meeting(Recording):
        def call(self, blob):
            together.wait()
            super().call(blob)

    recording = Meeting()
    delivery = delivery_to(recording, at_once=3)
    for number in range(3):
        delivery.offer(seen(f"{number}.jpg"))
    until(lambda: len(recording.calls) == 3)


def test_back_off_grows(delivery_to, sent):
    times = []

    class Timed(Recording):
        def call(self, blob):
            times.append(time.monotonic())
            super().call(blob)

    delivery = delivery_to(Timed(failures=4))
    delivery.offer(seen())
    run_until_sent(delivery, sent, seen())
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert all(wait >= 0.01 * 2**number for number, wait in enumerate(waits))


def test_what_was_sent_survives_and_what_is_gone_is_forgotten(tmp_path, sent):
    sent.add("kept")
    sent.add("gone")
    sent.forget_all_but({"kept", "new"})
    sent.save()
    again = SentVersions(tmp_path / "delivered.json")
    assert "kept" in again
    assert "gone" not in again
    assert "new" not in again
