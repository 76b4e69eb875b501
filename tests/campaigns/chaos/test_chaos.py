"""The short version of `make chaos`: the same command with a small load, and one fault of each kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHORT = """
--media 16 --containers 4 --workers 2 --over-s 5 --lease-s 3 --engine-faults 0.03 --each-at-most 1 --outages 1
--kill-every-s 2 3 --freeze-every-s 3 5 --outage-every-s 6 8 --web-restart-every-s 4 6 --disk-full-every-s 1 3
--child-kill-every-s 2 4 --web-kill-every-s 9 11 --hostile-every-s 1 2 --storm-every-s 1 2 --storm-s 1.5 2.5
--storm-share 0.5 --clock-step-every-s 2 3
"""


@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_is_doubled() -> None:
    command = [sys.executable, "-m", "tests.campaigns.chaos", "--seed", "20", *SHORT.split()]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every guarantee was kept, with seed 20" in done.stdout
