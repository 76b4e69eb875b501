"""The local stack as people run it: real service, real storage, real signals."""

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys

import pytest
import requests

from infra.local.loopback import accepts, http_status
from infra.local.part import PartFailed
from infra.local.stack import ADDRESSES_FILE, REPOSITORY, LocalStack, StackOptions
from infra.local.upload import upload
from tests.cloud_function.stand_in import StandIn, serving
from tests.infra.until import until

PORTRAIT = REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png"
SECRET = "a secret of sixteen or more"


@pytest.fixture(scope="module")
def receiver():
    with serving(StandIn(status=204)) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def stack(tmp_path_factory, receiver):
    next_stage = {
        "NEXT_STAGE_URL": receiver.url,
        "NEXT_STAGE_SECRET": SECRET,
        "WEB_WORKERS": "1",
        "DETECT_CHILDREN": "1",
    }
    options = StackOptions(run_folder=tmp_path_factory.mktemp("stack"), extra_env=next_stage)
    with LocalStack(options) as running:
        yield running


def test_every_part_answers(stack):
    stack.check()
    assert http_status(f"{stack.service_url}/readyz") == 200
    assert requests.get(f"{stack.service_url}/jobs", timeout=5).json()["jobs"] == []
    by_hand = f"{stack.functions_url}/api/analyse/image/wild/no-such-container"
    assert requests.post(by_hand, timeout=5).status_code == 401
    answer = requests.post(by_hand, headers={"x-functions-key": stack.function_key}, timeout=5)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_an_upload_ends_in_a_call_of_the_next_stage_with_links_that_work(stack, receiver):
    upload(stack.connection_string, PORTRAIT, "end-to-end", {"media_type": "posed"})
    until(lambda: receiver.requests, within_s=60)
    told = receiver.requests[0]
    signed = told.headers["x-signature-timestamp"].encode() + b"." + told.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert told.headers["x-signature"] == f"sha256={expected}"
    body = json.loads(told.body)
    assert (body["container"], body["blob"], body["media_type"]) == ("end-to-end", PORTRAIT.name, "posed")
    table = requests.get(body["links"]["csv"], timeout=10)
    assert table.status_code == 200
    assert hashlib.sha256(table.content).hexdigest() == body["csv_sha256"] == body["manifest"]["csv"]["sha256"]
    job = requests.get(f"{stack.service_url}/jobs/{told.headers['idempotency-key']}", timeout=5).json()
    assert job["state"] == "succeeded"


def test_a_second_stack_in_the_same_folder_is_refused(stack):
    with (
        pytest.raises(PartFailed, match="is running already"),
        LocalStack(StackOptions(run_folder=stack.run_folder)),
    ):
        pass
    assert (stack.run_folder / ADDRESSES_FILE).exists()


def test_a_part_killed_on_purpose_is_no_failure_and_starts_again(stack):
    stack.worker(0).kill()
    stack.check()
    stack.worker(0).start()
    stack.check()


def test_a_part_that_dies_is_noticed_with_its_log(stack):
    os.kill(stack.worker(0).process_id, signal.SIGKILL)
    until(lambda: not stack.worker(0).is_running)
    with pytest.raises(PartFailed, match="worker-0 was killed by SIGKILL") as failed:
        stack.check()
    assert "worker.ready" in failed.value.log_tail
    stack.worker(0).start()


def test_a_part_that_cannot_start_leaves_nothing_running(tmp_path):
    broken = {"PORT": "not-a-port"}
    stack = LocalStack(StackOptions(run_folder=tmp_path, extra_env=broken))
    with pytest.raises(PartFailed, match="web exited"), stack:
        pass
    assert not accepts(stack.azurite.blob_port)


def test_up_runs_until_ctrl_c_and_upload_finds_it(tmp_path):
    argv = [sys.executable, "-m", "infra.local.up", "--run-folder", str(tmp_path)]
    with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as up:
        try:
            until(lambda: (tmp_path / ADDRESSES_FILE).exists(), within_s=60)
            addresses = json.loads((tmp_path / ADDRESSES_FILE).read_text())
            by_hand = [sys.executable, "-m", "infra.local.upload", str(PORTRAIT)]
            by_hand += ["--container", "by-hand", "--media-type", "posed", "--run-folder", str(tmp_path)]
            subprocess.run(by_hand, cwd=REPOSITORY, check=True, capture_output=True, timeout=30)
            jobs_url = f"{addresses['service_url']}/jobs?container=by-hand"
            until(lambda: requests.get(jobs_url, timeout=5).json()["jobs"])
            assert requests.get(jobs_url, timeout=5).json()["jobs"][0]["media_type"] == "posed"
        finally:
            up.send_signal(signal.SIGINT)
            printed, _ = up.communicate(timeout=60)
    assert up.returncode == 0
    assert addresses["service_url"] in printed
    assert printed.endswith("stopped\n")
    assert http_status(f"{addresses['service_url']}/healthz") is None
    assert not (tmp_path / ADDRESSES_FILE).exists()
