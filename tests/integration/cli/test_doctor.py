"""`doctor`: each thing that can be wrong is named, with what to do about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from infra.local.loopback import free_ports
from service.cli.doctor_checks.check import Check
from service.cli.doctor_checks.storage import service_checks, stores_check
from service.jobs.backend import JobBackend
from service.settings import REPOSITORY, Settings
from service.storage.account import Account, Pulse
from tests.conftest import StorageAccount
from tests.fixtures.media_made import FAKES
from tests.integration.cli.conftest import CommandLine, environ_of

LOCAL = ["workspace", "memory", "engine", "models", "sandbox", "decoders", "probe picture"]

STORAGE = ["blobs", "queues", "tables", "clock", "queues, table, container"]


def test_all_is_well_with_real_storage_and_engine(command_line: CommandLine) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "doctor"],
        cwd=REPOSITORY,
        env={**os.environ, **command_line.environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + len(LOCAL) + len(STORAGE)
    # How much a child can be kept from depends on the kernel.
    assert all(line.startswith("ok ") or "sandbox" in line for line in lines)
    assert ", permissive, in " in done.stdout
    assert "FaceLandmarkImg gave 711 columns and found 1 face" in done.stdout


def test_without_storage_the_engine_is_tried_and_nothing_fails(tmp_path: Path) -> None:
    environ = {"OPENFACE_BIN_DIR": str(FAKES / "no_face"), "WORKSPACE": str(tmp_path)}
    done = CommandLine(environ)("doctor", "--json")
    checks = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert list(checks) == ["settings", *LOCAL, "storage"]
    assert done.exit_code == 0
    assert [name for name, check in checks.items() if check["status"] == "skipped"] == ["storage"]
    assert checks["models"]["status"] == "warning"
    assert checks["probe picture"]["seconds"] > 0


def test_wrong_settings_are_the_first_thing_told() -> None:
    done = CommandLine({"LEASE_S": "x", "PORT": "0"})("doctor")
    assert done.exit_code == 1
    assert done.stdout.startswith("FAILED   settings")
    assert "PORT" in done.stdout and "LEASE_S" in done.stdout


def test_an_engines_log_is_indented_below_its_error(tmp_path: Path) -> None:
    environ = {"OPENFACE_BIN_DIR": str(FAKES / "crash"), "WORKSPACE": str(tmp_path)}
    lines = CommandLine(environ)("doctor").stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if "exit code 3" in line)
    assert lines[place].startswith("FAILED   probe picture")
    assert lines[place + 1].startswith(" " * 30)
    assert "something went wrong in" in lines[place + 1]


def _account(text: str) -> Account:
    return Account.connect(Settings.load({"AZURE_STORAGE_CONNECTION_STRING": text}))


def test_storage_that_is_away_fails_its_check_alone(tmp_path: Path) -> None:
    blob, queue, table = free_ports(3)
    host = "http://127.0.0.1"
    text = (
        f"DefaultEndpointsProtocol=http;AccountName=away;AccountKey=a2V5;BlobEndpoint={host}:{blob}/away;"
        f"QueueEndpoint={host}:{queue}/away;TableEndpoint={host}:{table}/away;"
    )
    environ = {"OPENFACE_BIN_DIR": str(FAKES / "no_face"), "WORKSPACE": str(tmp_path)}
    command_line = CommandLine(environ | {"AZURE_STORAGE_CONNECTION_STRING": text})
    checks = {check["name"]: check for check in command_line.json("doctor")}
    assert [checks[name]["status"] for name in STORAGE] == ["failed"] * 3 + ["skipped"] * 2
    assert "make up" in checks["blobs"]["advice"]


def test_a_key_that_is_refused(account: StorageAccount) -> None:
    text = environ_of(account.settings)["AZURE_STORAGE_CONNECTION_STRING"]
    key = text.split("AccountKey=")[1].split(";")[0]
    told = [check for check in service_checks(_account(text.replace(key, "a2V5"))) if check.status == "failed"]
    assert [check.name for check in told] == ["blobs", "queues", "tables"]
    assert all("check the key" in check.advice for check in told), told


def test_each_service_answers_and_tells_the_time(account: StorageAccount) -> None:
    account = _account(environ_of(account.settings)["AZURE_STORAGE_CONNECTION_STRING"])
    for name in ("blobs", "queues", "tables"):
        pulse: Pulse = account.pulse(name)
        assert pulse.seconds > 0
        assert pulse.clock_ahead_s is not None and abs(pulse.clock_ahead_s) < 2


def test_what_is_missing_in_storage_is_named_and_created_on_demand(
    command_line: CommandLine, account: StorageAccount
) -> None:
    mark = account.settings.queue_name
    own = account.settings.model_copy(
        update={
            "queue_name": f"{mark}-x",
            "table_name": "x" + mark.replace("-", ""),
            "results_container": f"{mark}-y",
            "callback_hosts": "hooks.example.org",
            "callback_secret": SecretStr("s" * 16),
        }
    )
    backend = JobBackend.connect(own)

    def checked() -> Check:
        return stores_check(backend)

    assert checked().status == "failed"
    queues = [f"queue {mark}-x{suffix}," for suffix in ("", "-poison", "-reports", "-callbacks")]
    for name in (*queues, f"table {own.table_name}", f"container {mark}-y"):
        assert name in checked().said
    assert "--fix" in checked().advice
    environ = environ_of(own) | {"OPENFACE_BIN_DIR": str(FAKES / "no_face")}
    done = CommandLine(environ | {"CALLBACK_HOSTS": own.callback_hosts, "CALLBACK_SECRET": "s" * 16})("doctor", "--fix")
    assert done.exit_code == 0, done.stdout
    assert checked().status == "ok"
