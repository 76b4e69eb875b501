"""The image's entry point, run without an image: a signal to the first process drains the worker behind it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.images.check import REPOSITORY
from tests.conftest import StorageAccount
from tests.fixtures.media_made import FAKES, clip
from tests.integration.worker.conftest import Bench

ENTRYPOINT = str(REPOSITORY / "infra" / "images" / "entrypoint")
CPU_CHECK = REPOSITORY / "openface-base" / "cpu-check"
FIRST = [
    pytest.param([ENTRYPOINT], id="the script"),
    pytest.param(
        ["tini", "-s", "--", ENTRYPOINT],
        id="tini and the script",
        marks=pytest.mark.skipif(shutil.which("tini") is None, reason="no tini here (apt-get install tini)"),
    ),
]


def environ(account: StorageAccount, bin_dir: Path) -> dict[str, str]:
    secret = account.settings.azure_storage_connection_string
    assert secret is not None
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AZURE_STORAGE_CONNECTION_STRING": secret.get_secret_value(),
        "QUEUE_NAME": account.settings.queue_name,
        "TABLE_NAME": account.settings.table_name,
        "RESULTS_CONTAINER": account.settings.results_container,
        "WORKSPACE": str(account.settings.workspace),
        "OPENFACE_BIN_DIR": str(bin_dir),
        "SANDBOX_READABLE": os.environ["SANDBOX_READABLE"],
    }


@pytest.mark.parametrize("first", FIRST)
def test_sigterm_lets_the_worker_finish_what_it_has(account: StorageAccount, tmp_path: Path, first: list[str]) -> None:
    bench = Bench(account)
    job = bench.submit("clip.mp4", clip(), media="video")
    waiting = [bench.submit(f"later-{number}.mp4", clip(shade=10), media="video") for number in range(3)]
    log = tmp_path / "log"
    with log.open("wb") as out:
        settings = environ(account, FAKES / "slow") | {"ENGINES": "1"}
        process = subprocess.Popen([*first, "worker"], env=settings, cwd=REPOSITORY, stdout=out, stderr=out)
    try:
        bench.until(lambda: any(bench.record(each).stage == "engine" for each in (job, *waiting)))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert "worker.stopped" in log.read_text("utf-8")
    # One in the engine and perhaps the next, which was in hand already; no other is begun.
    states = [bench.record(each).state for each in (job, *waiting)]
    assert set(states) == {"queued", "succeeded"}
    assert states.count("succeeded") <= 2


def test_a_processor_that_lacks_something_is_refused_before_anything_starts(
    account: StorageAccount, tmp_path: Path
) -> None:
    installed = tmp_path / "openface"
    (installed / "bin").mkdir(parents=True)
    shutil.copy(CPU_CHECK, installed / "cpu-check")
    (installed / "cpu-flags").write_text("a_flag_of_no_processor\n")
    began = time.monotonic()
    done = subprocess.run(
        [ENTRYPOINT, "worker"],
        env=environ(account, installed / "bin"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert "a_flag_of_no_processor" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert time.monotonic() - began < 20


def test_the_scripts_can_be_executed() -> None:
    for script in (ENTRYPOINT, CPU_CHECK, *(REPOSITORY / "openface-base").glob("*.sh")):
        assert Path(script).stat().st_mode & stat.S_IXOTH, script
