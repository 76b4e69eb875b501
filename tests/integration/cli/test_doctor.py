"""`doctor`: each thing that can be wrong is named, with what to do about it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

import service.sandbox.python_child
from infra.local.loopback import free_ports
from service.cli.doctor_checks.check import Check
from service.cli.doctor_checks.engine import OPENFACE_MODELS, commands_check, models_check, probe_check
from service.cli.doctor_checks.machine import decoders_check, workspace_check
from service.cli.doctor_checks.rounds import local_checks
from service.cli.doctor_checks.storage import clock_check, service_checks, stores_check
from service.engine.installed import Engine
from service.jobs.backend import JobBackend
from service.sandbox.media import MediaLimits
from service.settings import REPOSITORY, Settings
from service.storage.account import Account, Pulse
from service.worker.limits import Limits
from tests.conftest import StorageAccount
from tests.fixtures.media_made import FAKES
from tests.integration.cli.conftest import CommandLine, environ_of

LITE = REPOSITORY / "openface_lite"
LOCAL = ["workspace", "memory", "engine", "models", "sandbox", "decoders", "probe picture"]
STORAGE = ["blobs", "queues", "tables", "clock", "queues, table, container"]


def _probed(engine: Engine, room: Path, **settings: str) -> Check:
    return probe_check(engine, room, Limits.of(Settings.load(settings)))


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


def test_a_missing_engine_fails_and_says_what_to_set(tmp_path: Path) -> None:
    settings = Settings.load({"OPENFACE_BIN_DIR": str(tmp_path), "WORKSPACE": str(tmp_path / "workspace")})
    checks = {check.name: check for check in local_checks(settings)}
    assert list(checks) == LOCAL
    assert checks["engine"].status == "failed"
    assert "set OPENFACE_BIN_DIR" in checks["engine"].said
    assert (checks["models"].status, checks["probe picture"].status) == ("skipped", "skipped")


def _engine_of(bin_dir: Path, *commands: str) -> Engine:
    bin_dir.mkdir(parents=True)
    for command in commands:
        shutil.copy(FAKES / "no_face" / "FaceLandmarkImg", bin_dir / command)
    return Engine.find(bin_dir)


def test_commands_that_are_not_there(tmp_path: Path) -> None:
    one = commands_check(_engine_of(tmp_path / "one", "FaceLandmarkImg"))
    assert one.status == "failed"
    assert "without FeatureExtraction" in one.said
    two = commands_check(_engine_of(tmp_path / "two", "FaceLandmarkImg", "FeatureExtraction"))
    assert two.status == "warning"
    assert "faces=many" in two.advice
    assert "OpenFace of a version that is not stated, research-only" in two.said


@pytest.fixture
def lite(tmp_path: Path) -> Path:
    """A copy of the embedded analyser, its models linked."""
    copy = tmp_path / "openface_lite"
    shutil.copytree(LITE, copy, ignore=shutil.ignore_patterns("models", "__pycache__"))
    (copy / "models").mkdir()
    for name in Engine.find(LITE / "bin").models:
        (copy / "models" / name).symlink_to(LITE / "models" / name)
    return copy


@pytest.mark.parametrize(
    ("put", "says", "engine_says"),
    [
        (None, "missing: face_landmarks_detector.tflite", "Could not read the model"),
        (b"other", "not the ones of engine.json: ", "its SHA-256 is wrong"),
    ],
)
def test_a_model_that_is_missing_or_another(
    lite: Path, tmp_path: Path, put: bytes | None, says: str, engine_says: str
) -> None:
    model = lite / "models" / "face_landmarks_detector.tflite"
    model.unlink()
    if put:
        model.write_bytes(put)
    engine = Engine.find(lite / "bin")
    told = models_check(engine)
    assert told.status == "failed"
    assert says in told.said and "face_landmarks_detector.tflite" in told.said
    assert "fetch_models" in told.advice
    tried = _probed(engine, tmp_path)
    assert tried.status == "failed"
    assert engine_says in tried.said
    assert "install what it says is missing" in tried.advice


def test_models_that_are_nowhere_beside_the_engine_are_left_to_the_probe(lite: Path) -> None:
    shutil.rmtree(lite / "models")
    told = models_check(Engine.find(lite / "bin"))
    assert told.status == "warning"
    assert "no hash was checked" in told.said


@pytest.mark.parametrize("root", [".", "../etc/OpenFace"])
def test_openface_is_held_to_the_sizes_of_its_models(tmp_path: Path, root: str) -> None:
    engine = _engine_of(tmp_path / "bin", "FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti")
    for name, size in OPENFACE_MODELS.items():
        path = tmp_path / "bin" / root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if size:
            path.touch()
            os.truncate(path, size)
        elif path.suffix:
            path.touch()
        else:
            path.mkdir()
    told = models_check(engine)
    assert (told.status, "hashes not stated" in told.said) == ("ok", True)
    experts = tmp_path / "bin" / root / "model" / "patch_experts"
    os.truncate(experts / "cen_patches_0.25_of.dat", 1234)
    (experts / "cen_patches_1.00_of.dat").unlink()
    told = models_check(engine)
    assert told.status == "failed"
    assert "cen_patches_0.25_of.dat has 1,234 bytes instead of 60,602,360" in told.said
    assert "missing: model/patch_experts/cen_patches_1.00_of.dat" in told.said
    assert "download_models.sh" in told.advice


@pytest.mark.parametrize(
    ("behaviour", "advice"),
    [
        ("missing_model", "install what it says is missing"),
        ("crash", "read the end of its log"),
        ("hang", "ENGINE_TIME_LIMIT_S"),
        ("silent_success", "must hold the commands of OpenFace 2.x"),
        ("other_columns", "must hold the commands of OpenFace 2.x"),
    ],
)
def test_an_engine_that_fails_the_probe_picture(tmp_path: Path, behaviour: str, advice: str) -> None:
    tried = _probed(Engine.find(FAKES / behaviour), tmp_path, ENGINE_TIME_LIMIT_S="1" if behaviour == "hang" else "60")
    assert tried.status == "failed"
    assert advice in tried.advice


def test_an_engines_log_is_indented_below_its_error(tmp_path: Path) -> None:
    environ = {"OPENFACE_BIN_DIR": str(FAKES / "crash"), "WORKSPACE": str(tmp_path)}
    lines = CommandLine(environ)("doctor").stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if "exit code 3" in line)
    assert lines[place].startswith("FAILED   probe picture")
    assert lines[place + 1].startswith(" " * 30)
    assert "something went wrong in" in lines[place + 1]


def test_decoders_that_do_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where the child looks for this package first: as in an installation that is not whole.
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").touch()
    monkeypatch.setattr(service.sandbox.python_child, "PACKAGES", tmp_path)
    told = decoders_check(tmp_path, MediaLimits(max_pixels=10**6, max_duration_s=60))
    assert told.status == "failed"
    assert "ModuleNotFoundError" in told.said
    assert "requirements.txt" in told.advice


def test_decoders_that_fail_on_whole_media(tmp_path: Path) -> None:
    told = decoders_check(tmp_path, MediaLimits(max_pixels=10, max_duration_s=60))
    assert told.status == "failed"
    assert told.said.startswith("image: ")


def test_a_workspace_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    environ = {"WORKSPACE": str(tmp_path / "file"), "OPENFACE_BIN_DIR": str(FAKES / "no_face")}
    checks = {check.name: check for check in local_checks(Settings.load(environ))}
    assert list(checks) == LOCAL
    assert checks["workspace"].status == "failed"
    assert "set WORKSPACE" in checks["workspace"].advice
    assert (checks["decoders"].status, checks["probe picture"].status) == ("skipped", "skipped")


def test_a_disk_that_is_smaller_than_the_largest_media(tmp_path: Path) -> None:
    free_mb = shutil.disk_usage(tmp_path).free // 2**20

    def checked(max_media_mb: int) -> Check:
        return workspace_check(Settings.load({"WORKSPACE": str(tmp_path), "MAX_MEDIA_MB": str(max_media_mb)}))

    assert checked(free_mb * 2).status == "failed"
    assert "lower MAX_MEDIA_MB" in checked(free_mb * 2).advice
    assert checked(free_mb * 3 // 4).status == "warning"
    assert checked(max(free_mb // 4, 1)).status == "ok"


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


@pytest.mark.parametrize(
    ("ahead_s", "status", "says"),
    [
        (0.4, "ok", "within 30 s"),
        (-29.0, "ok", "within 30 s"),
        (31.0, "warning", "31 s ahead of"),
        (-301.0, "failed", "301 s behind"),
        (None, "skipped", "no time"),
    ],
)
def test_a_clock_far_from_storages_is_told(ahead_s: float | None, status: str, says: str) -> None:
    told = clock_check(ahead_s)
    assert (told.status, says in told.said) == (status, True)
    assert bool(told.advice) == (status in ("warning", "failed"))


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
