"""A demo that takes too long, which takes a whole stack."""

import shutil
import subprocess
import sys
from pathlib import Path

from infra.local.demo import EXIT_FAILED
from infra.local.stack import REPOSITORY


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
