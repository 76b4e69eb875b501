"""`python3 infra/set_up.py demo|test`: make `.venv` and fetch what the demo, or the tests too, need.

Runs on the machine's own Python before anything is installed, so it uses the standard library alone. Nothing here needs
root. Each step says what it does, how long it took and what it takes on disk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
_PIP = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_NOTE_EVERY_S = 5.0


class StepFailed(Exception):
    """A step ended with an error; its output has been shown."""


def set_up_demo() -> None:
    """Install what `make demo` runs: the service, the function app, the networks and the storage emulator."""
    # A Python that was upgraded or removed leaves an environment behind that no longer starts.
    if not PYTHON.exists():
        _run("environment", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    # Most of its time is npm's: beside all others.
    azurite = _start([str(PYTHON), "-m", "infra.local.node"])
    _run("installer", [*_PIP, "--require-hashes", "-r", "infra/requirements-setup.txt"])
    _install("packages of the service", "requirements.txt")
    _install("packages of the function app", "cloud_function/requirements.txt")
    _run("the command `faceline`", [*_PIP, "--no-deps", "--no-build-isolation", "--editable", "."])
    _run("networks of the embedded analyser", [str(PYTHON), "-m", "openface_lite.fetch_models"])
    _wait("storage emulator (Azurite)", azurite)


def set_up_tests() -> None:
    """Install what the tests and checks need beside the demo."""
    _install("tools of tests and checks", "requirements-dev.txt")
    _install("traces", "requirements-otel.txt")
    # Its metadata asks for a newer Python than it needs, and for packages that are there.
    worker = [
        *_PIP,
        "--require-hashes",
        "--no-deps",
        "--ignore-requires-python",
        "-r",
        "requirements-functions-worker.txt",
    ]
    _run("library of the Functions worker", worker)
    try:
        _install("identity", "requirements-identity.txt")
    except StepFailed:
        print("  requirements-identity.txt is not made for this machine: the tests of identity are skipped", flush=True)


def _install(name: str, requirements: str) -> None:
    """Install a requirements file by uv, else by pip, which knows the machine's own indexes, proxies and wheels."""
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), "--system-certs"]
    try:
        _run(name, [*uv, "--require-hashes", "-r", requirements], is_last_try=False)
    except StepFailed:
        _run(f"{name}, by pip", [*_PIP, "--require-hashes", "--use-pep517", "-r", requirements])


def _run(name: str, command: list[str], *, is_last_try: bool = True) -> None:
    """Run one step. Raises StepFailed."""
    _wait(name, _start(command), is_last_try=is_last_try)


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _wait(name: str, process: subprocess.Popen[str], *, is_last_try: bool = True) -> None:
    print(f"  {name} ...", end="", flush=True)
    began = time.monotonic()
    while True:
        try:
            output, _ = process.communicate(timeout=_NOTE_EVERY_S)
            break
        except subprocess.TimeoutExpired:
            print(f" {time.monotonic() - began:.0f} s ...", end="", flush=True)
    print(f" done in {time.monotonic() - began:.0f} s" if process.returncode == 0 else " failed", flush=True)
    if process.returncode != 0:
        if is_last_try:
            print(output, file=sys.stderr)
        raise StepFailed(name)


def _megabytes(*folders: Path) -> int:
    """Disk taken by folders, in MB; a file with several names counts once."""
    sizes: dict[int, int] = {}
    for folder in folders:
        for parent, _, files in os.walk(folder):
            for file in files:
                status = (Path(parent) / file).lstat()
                sizes[status.st_ino] = status.st_blocks * 512
    return round(sum(sizes.values()) / 1e6)


def main() -> None:
    """Set up for `demo` or `test`."""
    wanted = sys.argv[1] if len(sys.argv) == 2 else ""
    if wanted not in ("demo", "test"):
        sys.exit(__doc__)
    version = sys.version_info[:2]
    if version < OLDEST:
        sys.exit(f"Python {_dotted(OLDEST)} or later is needed, this is {_dotted(version)}: make PYTHON=python3.11 ...")
    if version > NEWEST:
        print(f"Python {_dotted(version)} is newer than those that were tested, {_dotted(OLDEST)} to {_dotted(NEWEST)}")
    print(f"setting up for `make {wanted}` (once), into {VENV.name}/", flush=True)
    began = time.monotonic()
    try:
        set_up_demo() if wanted == "demo" else set_up_tests()
    except StepFailed as error:
        hint = "install python3-venv" if str(error) == "environment" else "is a package index within reach?"
        sys.exit(f"set-up stopped at: {error} ({hint})")
    size = _megabytes(VENV, REPOSITORY / "openface_lite" / "models", REPOSITORY / "infra" / "local" / "node_modules")
    free = shutil.disk_usage(REPOSITORY).free // 1_000_000
    print(f"set up in {time.monotonic() - began:.0f} s; {size} MB on disk, {free} MB free", flush=True)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    main()
