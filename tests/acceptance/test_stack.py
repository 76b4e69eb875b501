"""The local stack as people run it: real service, real storage, real signals."""

import hashlib
import hmac
import json
import os
import signal

import pytest
import requests

from infra.local.loopback import accepts, http_status
from infra.local.part import PartFailed
from infra.local.stack import ADDRESSES_FILE, LocalStack, StackOptions
from infra.local.upload import upload
from tests.acceptance.conftest import SECRET, Site
from tests.conftest import ASTRONAUT
from tests.infra.until import until

pytestmark = pytest.mark.xdist_group("site")


def test_every_part_answers(site: Site) -> None:
    stack = site.stack
    stack.check()
    assert http_status(f"{stack.service_url}/readyz") == 200
    by_hand = f"{stack.functions_url}/api/analyse/image/wild/no-such-container"
    assert requests.post(by_hand, timeout=5).status_code == 401
    answer = requests.post(by_hand, headers={"x-functions-key": stack.function_key}, timeout=5)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_an_upload_ends_in_a_call_of_the_next_stage_with_links_that_work(site: Site) -> None:
    upload(site.stack.connection_string, ASTRONAUT, "end-to-end", {"media_type": "posed"})
    job = site.finished("end-to-end")
    assert job["state"] == "succeeded"
    until(lambda: job["id"] in {told.headers["idempotency-key"] for told in site.receiver.requests}, within_s=60)
    [told] = [told for told in site.receiver.requests if told.headers["idempotency-key"] == job["id"]]
    signed = told.headers["x-signature-timestamp"].encode() + b"." + told.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert told.headers["x-signature"] == f"sha256={expected}"
    body = json.loads(told.body)
    assert (body["container"], body["blob"], body["media_type"]) == ("end-to-end", ASTRONAUT.name, "posed")
    table = requests.get(body["links"]["csv"], timeout=10)
    assert table.status_code == 200
    assert hashlib.sha256(table.content).hexdigest() == body["csv_sha256"] == body["manifest"]["csv"]["sha256"]


def test_a_second_stack_in_the_same_folder_is_refused(site: Site) -> None:
    with (
        pytest.raises(PartFailed, match="is running already"),
        LocalStack(StackOptions(run_folder=site.stack.run_folder)),
    ):
        pass
    assert (site.stack.run_folder / ADDRESSES_FILE).exists()


def test_a_part_that_dies_is_noticed_with_its_log_and_starts_again(site: Site) -> None:
    os.kill(site.stack.worker(0).process_id, signal.SIGKILL)
    until(lambda: not site.stack.worker(0).is_running)
    with pytest.raises(PartFailed, match="worker-0 was killed by SIGKILL") as failed:
        site.stack.check()
    assert '"event": "' in failed.value.log_tail
    site.stack.worker(0).start()
    site.stack.check()


def test_a_part_that_cannot_start_leaves_nothing_running(tmp_path) -> None:
    broken = {"PORT": "not-a-port"}
    options = StackOptions(run_folder=tmp_path, workers=0, with_functions=False, extra_env=broken)
    stack = LocalStack(options)
    with pytest.raises(PartFailed, match="web exited"), stack:
        pass
    assert not accepts(stack.azurite.blob_port)
