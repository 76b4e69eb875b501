"""The demo interrupted; `make demo` itself is the test of its success, and the campaigns have its time limit."""

import signal
import subprocess
import sys
import time

from infra.local.demo import EXIT_INTERRUPTED
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
