"""The demo command's ends other than success, which `make demo` itself is the test of."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from infra.local.demo import EXIT_FAILED, EXIT_INTERRUPTED
from infra.local.stack import REPOSITORY

WHILE_PARTS_START_S = 2.0


def test_ctrl_c_stops_every_part():
    with subprocess.Popen(
        [sys.executable, "-m", "infra.local.demo"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        demo.stdout.readline()
        time.sleep(WHILE_PARTS_START_S)
        demo.send_signal(signal.SIGINT)
        printed, _ = demo.communicate(timeout=60)
    assert demo.returncode == EXIT_INTERRUPTED
    assert "Traceback" not in printed


def test_a_demo_that_takes_too_long_names_the_part():
    done = subprocess.run(
        [sys.executable, "-m", "infra.local.demo", "--time-limit-s", "0"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == EXIT_FAILED
    assert "failed: worker-0 did not finish" in done.stdout
    assert "end of worker-0's log" in done.stdout
    logs = Path(done.stdout.rpartition("logs: ")[2].strip())
    assert (logs / "worker-0.log").is_file()
    shutil.rmtree(logs.parent)
