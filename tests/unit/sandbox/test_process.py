"""One child's life: six ways to end, and nothing left behind after any of them."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from service.errors import EngineTimeout, EngineUnavailable
from service.sandbox.process import GRACE_S, LOG_BYTES, ChildLimits, run_child

SH = "/bin/sh"


def limits(time_s: float = 30, memory_mb: int = 4096, file_mb: int = 1024) -> ChildLimits:
    return ChildLimits(time_s, memory_mb << 20, file_mb << 20)


def run(tmp_path: Path, script: str, within: ChildLimits | None = None, **more):
    return run_child([SH, "-c", script], cwd=tmp_path, log_dir=tmp_path, limits=within or limits(), **more)


def gone(pid: int) -> bool:
    """Dead, or a zombie that waits for its new parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_gone(pid: int) -> None:
    for _ in range(100):
        if gone(pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"{pid} still runs")


def test_ends_by_itself(tmp_path):
    finished = run(tmp_path, "echo hello; echo trouble >&2; exit 3")
    assert (finished.returncode, finished.signal) == (3, None)
    assert finished.stdout.read_text() == "hello\n"
    assert finished.tail() == "hello\ntrouble"
    assert 0 < finished.seconds < 30
    assert finished.peak_memory_bytes > 100_000


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (11, "SIGSEGV"), (6, "SIGABRT")])
def test_a_signal_has_its_name(tmp_path, number, name):
    assert run(tmp_path, f"kill -{number} $$").signal == name


def test_a_signal_without_a_name_is_numbered(tmp_path):
    assert run(tmp_path, "kill -40 $$").signal == "signal 40"


def test_arguments_are_no_shell_words(tmp_path):
    finished = run_child(["/bin/echo", "$HOME", "a b", "; touch x"], cwd=tmp_path, log_dir=tmp_path, limits=limits())
    assert finished.stdout.read_text() == "$HOME a b ; touch x\n"


def test_stdin_is_closed(tmp_path):
    assert run(tmp_path, "cat").stdout.read_text() == ""


def test_the_environment_is_an_allow_list(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    finished = run(tmp_path, "env", env={"EXTRA": "1"})
    seen = dict(line.split("=", 1) for line in finished.stdout.read_text().splitlines())
    seen = {name: value for name, value in seen.items() if name not in ("PWD", "SHLVL", "_", "OLDPWD")}
    assert seen.keys() == {
        "PATH",
        "LANG",
        "HOME",
        "TMPDIR",
        "OMP_NUM_THREADS",
        "OPENCV_IO_MAX_IMAGE_PIXELS",
        "OPENBLAS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "EXTRA",
    }
    assert seen["OMP_NUM_THREADS"] == "1"
    assert seen["PATH"].startswith(str(Path(sys.executable).parent))


def test_over_its_time_it_is_stopped(tmp_path):
    started = time.monotonic()
    with pytest.raises(EngineTimeout, match="time limit"):
        run(tmp_path, "echo $$ >pid; exec sleep 60", limits(time_s=0.3))
    assert time.monotonic() - started < 30
    wait_until_gone(int((tmp_path / "pid").read_text()))


def test_one_that_ignores_term_is_killed(tmp_path):
    started = time.monotonic()
    with pytest.raises(EngineTimeout):
        run(tmp_path, "trap '' TERM; echo $$ >pid; while true; do sleep 0.1; done", limits(time_s=0.3))
    assert GRACE_S < time.monotonic() - started < GRACE_S + 2
    wait_until_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("end", ["exit 0", "kill -9 $$", "sleep 60"])
def test_what_it_started_goes_with_it(tmp_path, end):
    script = f"sleep 600 & echo $! >pid; {end}"
    try:
        run(tmp_path, script, limits(time_s=0.3))
    except EngineTimeout:
        assert end == "sleep 60"
    wait_until_gone(int((tmp_path / "pid").read_text()))


def test_on_wait_is_called_often_and_may_stop_it(tmp_path):
    calls = []

    def stop() -> None:
        calls.append(time.monotonic())
        if len(calls) == 12:
            raise KeyError("lease lost")

    with pytest.raises(KeyError):
        run(tmp_path, "echo $$ >pid; exec sleep 60", on_wait=stop)
    assert max(b - a for a, b in pairwise(calls)) < 0.4
    wait_until_gone(int((tmp_path / "pid").read_text()))


def test_a_flood_of_words_is_bounded(tmp_path):
    largest = 0

    def look() -> None:
        nonlocal largest
        largest = max(largest, (tmp_path / "stdout.log").stat().st_size)

    flood = "import time\nfor i in range(60): print('x' * 1_000_000, flush=True); time.sleep(0.01)"
    finished = run_child([sys.executable, "-c", flood], cwd=tmp_path, log_dir=tmp_path, limits=limits(), on_wait=look)
    assert finished.returncode == 0
    assert largest < 60_000_000 / 2
    assert finished.stdout.stat().st_size < LOG_BYTES + 30_000_000
    assert b"cut here" in finished.stdout.read_bytes()
    assert len(finished.tail()) < 10_000


def test_a_cut_keeps_the_newest_words(tmp_path):
    # In one write, so that no cut can come before the last words; then time for one to come after them.
    flood = f"import os, time; os.write(1, b'x' * {LOG_BYTES} + b'\\nthe end\\n'); time.sleep(1)"
    finished = run_child([sys.executable, "-c", flood], cwd=tmp_path, log_dir=tmp_path, limits=limits())
    assert finished.stdout.stat().st_size < LOG_BYTES / 2
    assert b"cut here" in finished.stdout.read_bytes()
    assert finished.tail().endswith("the end")


def test_no_file_grows_over_its_limit(tmp_path):
    finished = run(tmp_path, "sleep 0.2; exec head -c 5000000 /dev/zero >big", limits(file_mb=1))
    assert finished.signal == "SIGXFSZ"
    assert (tmp_path / "big").stat().st_size == 1 << 20


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no prlimit on this platform")
def test_limits_reach_the_child(tmp_path):
    finished = run(tmp_path, "sleep 0.2; ulimit -v; ulimit -c", limits(memory_mb=512))
    assert finished.stdout.read_text().split() == [str(512 << 10), "0"]


@pytest.mark.parametrize("kind", ["missing", "not executable", "folder", "relative", "no interpreter"])
def test_what_cannot_be_started_is_unavailable(tmp_path, kind):
    path = tmp_path / "engine"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("#!/no/such/interpreter\n")
        path.chmod(0o755 if kind == "no interpreter" else 0o644)
    with pytest.raises(EngineUnavailable, match="engine"):
        run_child(["engine" if kind == "relative" else str(path)], cwd=tmp_path, log_dir=tmp_path, limits=limits())


def test_control_characters_are_cleaned(tmp_path):
    finished = run(tmp_path, r"printf 'a\033[31mred\r\nb\007\377\n\n'")
    assert finished.tail() == "a�[31mred\nb��"


def test_no_zombie_is_left(tmp_path):
    run(tmp_path, "exit 0")
    # Other children may live (a storage emulator of other tests), but none may be dead and not fetched.
    with contextlib.suppress(ChildProcessError):
        assert os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def test_this_process_still_sees_its_own_children(tmp_path):
    # Waiting for one child must not swallow another's exit code.
    with subprocess.Popen([SH, "-c", "exit 7"]) as other:
        run(tmp_path, "sleep 0.1")
        assert other.wait() == 7
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path):
    script = f"""
from pathlib import Path
from service.sandbox.process import ChildLimits, run_child
here = Path({str(tmp_path)!r})
limits = ChildLimits(60, 1 << 32, 1 << 20)
run_child(["/bin/sh", "-c", "echo $$ > pid; exec sleep 60"], cwd=here, log_dir=here, limits=limits)
"""
    parent = subprocess.Popen([sys.executable, "-c", script])
    pid = tmp_path / "pid"
    for _ in range(200):
        if pid.exists() and pid.read_text().strip():
            break
        time.sleep(0.02)
    child = int(pid.read_text())
    assert not gone(child)
    parent.kill()
    parent.wait()
    wait_until_gone(child)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no masks of processors here")
def test_a_child_has_its_mask_from_its_first_instruction_and_the_parent_keeps_its_own(tmp_path):
    before = os.sched_getaffinity(0)
    within = ChildLimits(30, 4 << 30, 1 << 30, cpus=frozenset({max(before)}))
    # Read by the shell itself: what it starts has a /proc/self of its own, which is closed to it.
    script = (
        'while read -r name value; do [ "$name" = Cpus_allowed_list: ] && echo "$name $value"; done </proc/self/status'
    )
    finished = run(tmp_path, f"{script}; nproc", within)
    assert finished.stdout.read_text().split() == ["Cpus_allowed_list:", str(max(before)), "1"]
    assert os.sched_getaffinity(0) == before


def test_a_processor_that_is_gone_does_not_keep_a_child_from_starting(tmp_path):
    within = ChildLimits(30, 4 << 30, 1 << 30, cpus=frozenset({900}))
    assert run(tmp_path, "exit 0", within).returncode == 0
