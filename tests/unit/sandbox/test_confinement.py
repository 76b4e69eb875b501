"""What a decoder under an attacker's control gets: nothing. It attempts each thing, confined and not."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.sandbox import confine, confinement
from service.sandbox.call import ask
from service.sandbox.confinement import NOTHING_ELSE
from service.sandbox.process import ChildLimits, run_child
from service.settings import REPOSITORY, Settings

LIMITS = ChildLimits(30.0, 4 << 30, 1 << 20)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")


@pytest.fixture
def sandbox_off() -> Iterator[None]:
    confinement.configure(Settings.load({"SANDBOX": "off"}))
    # Commands that other tests call in this process have closed it to others of its user.
    ctypes.CDLL(None).prctl(confinement.DUMPABLE, 1, 0, 0, 0)
    yield
    confinement.configure(Settings.load())


@pytest.fixture
def port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening.getsockname()[1]


def got(tmp_path: Path, port: int) -> dict[str, str]:
    """Return what a child got of a secret beside its folder, of the network, and of this process."""
    secret = tmp_path / "secret"
    secret.write_text("of another job")
    request = {"parent": os.getpid(), "secret": str(secret), "into": str(tmp_path / "planted"), "port": port}
    entry = "service.sandbox.attempts"
    return ask(request, tmp_path / "child", LIMITS, lambda: None, access=NOTHING_ELSE, entry=entry)


def test_a_decoder_that_was_taken_over_gets_nothing(tmp_path: Path, port: int) -> None:
    assert {name: value for name, value in got(tmp_path, port).items() if value} == {}
    assert not (tmp_path / "planted").exists()


@pytest.mark.usefixtures("sandbox_off")
def test_the_attempts_succeed_where_nothing_is_confined(tmp_path: Path, port: int) -> None:
    answer = got(tmp_path, port)
    assert (answer["connect"], answer["datagram"], answer["read"]) == ("connected", "1", "of another job")
    assert int(answer["environment"]) > 0
    assert (tmp_path / "planted").read_text() == "written"


ALONE = {
    "seccomp": "confine._refuse_calls()",
    "landlock": "confine._restrict_files(libc, [], ['/usr', '/lib', '/lib64', sys.prefix, sys.base_prefix], [own])",
    "namespace": "confine._leave_network(libc)",
}
"""Each measure, without the others."""
NEEDED = {
    "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port))": {"seccomp", "namespace"},
    "socket.create_connection(('127.0.0.1', port), timeout=5)": {"seccomp", "landlock", "namespace"},
    "open(secret)": {"landlock"},
    "open(secret, 'a')": {"landlock"},
    "os.symlink(secret, f'{own}/link')": {"landlock"},
    "os.mkfifo(f'{own}/fifo')": {"landlock"},
    "open(f'{own}/file', 'w').write('x')": set(),
    "os.kill(parent, 0)": {"landlock"},
    "open(f'/proc/{parent}/environ').read()": {"landlock"},
    "os.fork() or os._exit(0)": set(),
    "threading.Thread(target=int).start()": set(),
}
"""What a child attempts, and the measures each of which refuses it by itself."""


def is_allowed(tmp_path: Path, port: int, measure: str, attempt: str) -> bool:
    """Whether a process under one measure alone succeeds."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    own = tmp_path / "own"
    own.mkdir(exist_ok=True)
    code = f"""
import ctypes, os, socket, sys, threading
from service.sandbox import confine
parent, port, secret, own = {os.getpid()}, {port}, {str(secret)!r}, {str(own)!r}
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(confine.NO_NEW_PRIVS, 1, 0, 0, 0)
{ALONE[measure]}
try:
    {attempt}
except OSError:
    sys.exit(9)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 9), done.stderr
    return done.returncode == 0


def has(measure: str) -> bool:
    """Whether this machine has it at all."""
    libc = ctypes.CDLL(None, use_errno=True)
    if measure == "landlock":
        return int(libc.syscall(confine.CREATE_RULESET, None, ctypes.c_size_t(0), 1)) >= 6
    if measure == "seccomp":
        return bool(ctypes.util.find_library("seccomp"))
    flags = ["--net"] if os.geteuid() == 0 else ["--user", "--net"]
    return bool(shutil.which("unshare")) and subprocess.run(["unshare", *flags, "true"]).returncode == 0


@pytest.mark.parametrize("measure", ALONE)
def test_each_measure_holds_by_itself(tmp_path: Path, port: int, measure: str) -> None:
    if not has(measure):
        pytest.skip(f"{measure} is not to be had here")
    refused = {attempt for attempt in NEEDED if not is_allowed(tmp_path, port, measure, attempt)}
    assert refused >= {attempt for attempt, measures in NEEDED.items() if measure in measures}
    # What no decoder can do without stays, and it is this measure that refuses the rest.
    assert not refused & {attempt for attempt, measures in NEEDED.items() if not measures}


def test_an_engine_runs_under_the_same(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of another job")
    work = tmp_path / "work"
    work.mkdir()
    reads = f"cat {secret}; cat /proc/{os.getpid()}/environ; ls {Path.home()}"
    script = f"{reads}; echo x > {tmp_path}/planted; id -u; echo y > own"
    finished = run_child(["/bin/sh", "-c", script], cwd=work, log_dir=work, limits=LIMITS)
    said = finished.stdout.read_text().split()
    assert len(said) == 1
    assert int(said[0]) != 0
    assert (work / "own").read_text() == "y\n"
    assert not (tmp_path / "planted").exists()


def test_a_folder_of_sandbox_readable_is_read(tmp_path: Path) -> None:
    model = tmp_path / "models" / "model"
    model.parent.mkdir()
    model.write_text("weights")
    work = tmp_path / "work"
    work.mkdir()
    confinement.configure(Settings.load({"SANDBOX_READABLE": str(model.parent)}))
    try:
        finished = run_child(["/bin/sh", "-c", f"cat {model}"], cwd=work, log_dir=work, limits=LIMITS)
    finally:
        confinement.configure(Settings.load())
    assert finished.stdout.read_text() == "weights"


@pytest.mark.parametrize(
    ("command", "readable"),
    [
        ("/opt/openface/bin/FeatureExtraction", "/opt/openface"),
        ("/srv/engine/FeatureExtraction", "/srv/engine"),
        (f"{Path.home()}/bin/FeatureExtraction", f"{Path.home()}/bin"),
    ],
)
def test_an_engine_reads_its_own_folder_and_the_one_around_a_bin(command: str, readable: str) -> None:
    assert confinement.engine_folders(Path(command)) == (Path(readable),)


def test_an_engine_in_the_system_s_own_bin_does_not_open_everything() -> None:
    assert Path("/") not in confinement.engine_folders(Path("/bin/sh"))


def test_secrets_are_overwritten_where_a_look_into_the_process_would_find_them() -> None:
    secret = "DefaultEndpointsProtocol=http;AccountName=x;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:1/x"
    code = """
from pathlib import Path
from service.cli.startup import load_settings
settings = load_settings()
assert settings.azure_storage_connection_string.get_secret_value()
import os
assert "AZURE_STORAGE_CONNECTION_STRING" not in os.environ
try:
    seen = Path("/proc/self/environ").read_bytes()
except PermissionError:
    seen = b""  # closed even to this user
print(b"c2VjcmV0" in seen, os.stat("/proc/self/environ").st_uid)
"""
    environ = {"PATH": os.environ["PATH"], "AZURE_STORAGE_CONNECTION_STRING": secret, "QUEUE_NAME": "kept"}
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environ, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "0"], done.stderr


def test_root_of_a_namespace_without_the_other_user_starts_children_as_root(tmp_path: Path) -> None:
    become_root = ["unshare", "--user", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*become_root, "true"], capture_output=True).returncode:
        pytest.skip("user namespaces are not to be had here")
    code = f"""
from pathlib import Path
from service.sandbox.process import ChildLimits, run_child
work = Path({str(tmp_path)!r})
done = run_child(["/bin/sh", "-c", "id -u"], cwd=work, log_dir=work, limits=ChildLimits(30.0, 4 << 30, 1 << 20))
print(done.stdout.read_text(), done.stderr.read_text())
"""
    done = subprocess.run([*become_root, sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.split() == ["0"], done.stderr
