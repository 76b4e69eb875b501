import os
import subprocess
import sys

import pytest

from infra.local.part import Part, PartFailed
from tests.infra.until import until


@pytest.fixture
def new_part(tmp_path):
    parts = []

    def new(script, *, ready_within_s=5.0, grace_s=5.0, cpus=frozenset()):
        part = Part(
            "sample",
            [sys.executable, "-u", "-c", script],
            log_file=tmp_path / "logs" / "sample.log",
            environ={"PATH": os.environ["PATH"]},
            is_ready=lambda part: "ready" in part.log_since_start(),
            ready_within_s=ready_within_s,
            grace_s=grace_s,
            cpus=cpus,
        )
        parts.append(part)
        return part

    yield new
    for part in parts:
        part.kill()


def exists(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_runs_from_ready_to_stopped(new_part):
    part = new_part("import time; print('ready'); time.sleep(60)")
    part.start()
    assert part.is_running
    part.check()
    part.stop()
    assert not part.is_running
    part.check()


@pytest.mark.skipif(sys.platform != "linux", reason="binds with taskset")
def test_a_part_runs_on_the_processors_that_it_is_given(new_part):
    one = max(os.sched_getaffinity(0))
    part = new_part("import os, time; print('ready', *os.sched_getaffinity(0)); time.sleep(60)", cpus=frozenset({one}))
    part.start()
    assert part.log_since_start().split() == ["ready", str(one)]
    assert exists(part.process_id)


def test_a_part_that_ends_before_it_is_ready_fails_with_its_log(new_part):
    with pytest.raises(PartFailed, match="sample exited with 3") as failed:
        new_part("print('out of luck'); raise SystemExit(3)").start()
    assert "out of luck" in str(failed.value)


def test_a_part_that_never_gets_ready_is_ended(new_part):
    part = new_part("import time; print('not yet'); time.sleep(60)", ready_within_s=0.5)
    with pytest.raises(PartFailed, match="not ready within") as failed:
        part.start()
    assert failed.value.log_tail == "not yet"
    assert not part.is_running


def test_a_part_that_dies_is_noticed_once(new_part):
    part = new_part("import time; print('ready'); time.sleep(60)")
    part.start()
    os.kill(part.process_id, 9)
    until(lambda: not part.is_running)
    with pytest.raises(PartFailed, match="killed by SIGKILL"):
        part.check()
    part.check()


def test_a_killed_part_starts_again_with_a_log_of_its_own(new_part):
    part = new_part("import os, time; print('ready', os.getpid()); time.sleep(60)")
    part.start()
    first = part.process_id
    part.kill()
    part.check()
    part.start()
    assert part.process_id != first
    assert str(first) not in part.log_since_start()


def test_what_ignores_sigterm_is_killed_with_its_children(new_part):
    part = new_part(
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('ready', child.pid, flush=True)\n"
        "time.sleep(60)",
        grace_s=0.3,
    )
    part.start()
    child = int(part.log_since_start().split()[1])
    part.stop()
    assert not part.is_running
    until(lambda: not exists(child) or is_zombie(child))


def is_zombie(process_id):
    try:
        with open(f"/proc/{process_id}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_parts_end_with_a_starter_that_is_killed(tmp_path):
    starter = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from infra.local.part import Part\n"
        "argv = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        f"log = Path({str(tmp_path / 'part.log')!r})\n"
        "part = Part('sample', argv, log_file=log, environ={}, is_ready=lambda _: True)\n"
        "part.start()\n"
        "print(part.process_id, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as process:
        part = int(process.stdout.readline())
        assert exists(part)
        process.kill()
    until(lambda: not exists(part) or is_zombie(part))
