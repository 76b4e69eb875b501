import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from infra.local.function_runner.blob_listing import BlobVersion
from infra.local.function_runner.delivered_versions import DeliveredVersions
from infra.local.function_runner.delivery import MOST_FAILURES, Delivery, Subscriber
from tests.infra.until import until


def version_of(name="p.jpg", etag="1"):
    return BlobVersion("account", "http://storage", "c1", name, etag, 5, "image/jpeg", "BlockBlob")


class Recording:
    """A subscriber that fails a given number of times, and keeps the blobs of its calls."""

    def __init__(self, failures=0, failed_give_ups=0, time_limit_s=None):
        self.calls, self.given_up, self.time_limit_s = [], [], time_limit_s
        self._failures, self._failed_give_ups = failures, failed_give_ups

    def subscriber(self):
        return Subscriber("recording", lambda blob: blob.container == "c1", self.call, self.give_up, self.time_limit_s)

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
def delivered(tmp_path):
    return DeliveredVersions(tmp_path / "delivered.json")


@pytest.fixture
def delivery_to(delivered):
    with ThreadPoolExecutor(4) as threads:

        def deliver(*recordings):
            subscribers = [each.subscriber() for each in recordings]
            return Delivery(subscribers, delivered, threads, first_wait_s=0.01)

        yield deliver


def run_until_delivered(delivery, delivered, blob):
    def done():
        delivery.run_due()
        return blob.key in delivered

    until(done)


def test_a_version_is_delivered_once_and_an_overwrite_again(delivery_to, delivered):
    recording = Recording()
    delivery = delivery_to(recording)
    for blob in (version_of(), version_of(), version_of(etag="2")):
        delivery.offer(blob)
        run_until_delivered(delivery, delivered, blob)
    assert [blob.etag for blob in recording.calls] == ["1", "2"]


def test_failures_are_tried_again(delivery_to, delivered):
    recording = Recording(failures=MOST_FAILURES - 1)
    delivery = delivery_to(recording)
    delivery.offer(version_of())
    run_until_delivered(delivery, delivered, version_of())
    assert (len(recording.calls), recording.given_up) == (MOST_FAILURES, [])


def test_the_fifth_failure_moves_the_event_aside(delivery_to, delivered):
    recording = Recording(failures=99)
    delivery = delivery_to(recording)
    delivery.offer(version_of())
    run_until_delivered(delivery, delivered, version_of())
    assert (len(recording.calls), recording.given_up) == (MOST_FAILURES, [version_of()])


def test_an_event_that_cannot_be_moved_aside_is_kept(delivery_to, delivered):
    recording = Recording(failures=99, failed_give_ups=2)
    delivery = delivery_to(recording)
    delivery.offer(version_of())
    run_until_delivered(delivery, delivered, version_of())
    assert (len(recording.calls), recording.given_up) == (MOST_FAILURES, [version_of()])


def test_one_subscribers_failure_does_not_call_the_other_again(delivery_to, delivered):
    failing, other = Recording(failures=2), Recording()
    delivery = delivery_to(failing, other)
    delivery.offer(version_of())
    run_until_delivered(delivery, delivered, version_of())
    assert (len(failing.calls), len(other.calls)) == (3, 1)


def test_several_are_delivered_at_once(delivered, delivery_to):
    together = threading.Barrier(3, timeout=5)

    class Meeting(Recording):
        def call(self, blob):
            together.wait()
            super().call(blob)

    recording = Meeting()
    delivery = delivery_to(recording)
    for number in range(3):
        delivery.offer(version_of(f"{number}.jpg"))
    until(lambda: len(recording.calls) == 3)


def test_a_delivery_over_its_time_limit_is_repeated_while_the_function_goes_on(delivery_to, delivered):
    release = threading.Event()

    class Slow(Recording):
        def call(self, blob):
            super().call(blob)
            if len(self.calls) == 1:
                release.wait(5)

    recording = Slow(time_limit_s=0.1)
    delivery = delivery_to(recording)
    delivery.offer(version_of())
    run_until_delivered(delivery, delivered, version_of())
    assert len(recording.calls) == 2
    # Its late answer changes nothing.
    release.set()
    delivery.offer(version_of(etag="2"))
    run_until_delivered(delivery, delivered, version_of(etag="2"))
    assert [blob.etag for blob in recording.calls] == ["1", "1", "2"]


def test_without_a_time_limit_a_slow_function_is_called_once(delivery_to, delivered):
    class Slow(Recording):
        def call(self, blob):
            super().call(blob)
            time.sleep(0.3)

    recording = Slow()
    delivery = delivery_to(recording)
    delivery.offer(version_of())
    run_until_delivered(delivery, delivered, version_of())
    assert len(recording.calls) == 1


def test_back_off_grows(delivery_to, delivered):
    times = []

    class Timed(Recording):
        def call(self, blob):
            times.append(time.monotonic())
            super().call(blob)

    delivery = delivery_to(Timed(failures=4))
    delivery.offer(version_of())
    run_until_delivered(delivery, delivered, version_of())
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert all(wait >= 0.01 * 2**number for number, wait in enumerate(waits))


def test_what_was_sent_survives_and_what_is_gone_is_forgotten(tmp_path, delivered):
    delivered.add("kept")
    delivered.add("gone")
    delivered.keep_only({"kept", "new"})
    delivered.save()
    again = DeliveredVersions(tmp_path / "delivered.json")
    assert "kept" in again
    assert "gone" not in again
    assert "new" not in again


def test_what_was_delivered_is_appended(tmp_path, delivered):
    file = tmp_path / "delivered.json"
    delivered.add("one")
    delivered.save()
    before = file.stat()
    delivered.add("two\nlines")
    delivered.save()
    assert (file.stat().st_ino, file.read_text()) == (before.st_ino, '"one"\n"two\\nlines"\n')


def test_a_torn_last_line_costs_that_version_alone(tmp_path):
    file = tmp_path / "delivered.json"
    file.write_text('"one"\n"two')
    delivered = DeliveredVersions(file)
    delivered.add("three")
    delivered.save()
    again = DeliveredVersions(file)
    assert ["one" in again, "two" in again, "three" in again] == [True, False, True]


def test_the_list_of_former_releases_is_read(tmp_path):
    file = tmp_path / "delivered.json"
    file.write_text('["one", "two"]')
    delivered = DeliveredVersions(file)
    delivered.save()
    assert "one" in delivered and "two" in delivered
    assert file.read_text() == '"one"\n"two"\n'
