"""What children of this process may reach, and what this process hides from them."""

from __future__ import annotations

import ctypes
import functools
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from service.settings import Settings, models_folder

PACKAGES = Path(__file__).resolve().parent.parent.parent
"""The folder above this package."""

SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/fonts"),
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/sys/vm"),
    *("/sys/devices/system", "/sys/fs/cgroup", "/dev/random", "/dev/urandom", "/dev/zero"),
)
"""What programs and libraries of a Linux system read; no configuration, home folder or mounted secret."""
DEVICES = ("/dev/null", "/dev/full")
"""What every child may write to."""
DUMPABLE = 4
"""`PR_SET_DUMPABLE` of prctl(2)."""


@dataclass(frozen=True)
class Access:
    """Files and folders that a child needs besides its own folder."""

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()


NOTHING_ELSE = Access()


@dataclass(frozen=True)
class _Chosen:
    """SANDBOX and SANDBOX_READABLE; decided once for a process, as its children are started all over it."""

    sandbox: bool = True
    readable: tuple[Path, ...] = ()


_chosen = _Chosen()


def configure(settings: Settings) -> None:
    """Confine children started from now on as the settings say."""
    global _chosen
    _chosen = _Chosen(settings.sandbox, settings.sandbox_folders)


def is_on() -> bool:
    """Whether children give up rights (SANDBOX)."""
    return _chosen.sandbox


def instructions(command: str, cwd: Path, access: Access, **limits: int) -> str:
    """Return what the launcher is told about a child; see `confine`.

    Args:
        command: absolute path of an executable, or `-m`.
        cwd: the child's own folder.
        limits: `memory_bytes`, `file_bytes`, and the number of its `parent`.
    """
    engine = engine_folders(Path(command)) if command != "-m" else ()
    reads: tuple[str | Path, ...] = (*SYSTEM, *_python_folders(), *_chosen.readable, *engine, *access.reads)
    # The launcher runs in the folder that a relative path would start from twice.
    writes: tuple[str | Path, ...] = (*DEVICES, cwd.resolve(), *access.writes)
    # Python lists the folder above a package to find it.
    packages = (folder for folder in engine if (folder / "__init__.py").is_file())
    lists = [str(PACKAGES), *(str(package.parent) for package in packages)]
    return json.dumps(
        {"sandbox": _chosen.sandbox, "lists": lists, "reads": _texts(reads), "writes": _texts(writes), **limits}
    )


def engine_folders(command: Path) -> tuple[Path, ...]:
    """Return the folders of a command and of its models: its own, and the one around a `bin`."""
    folders = dict.fromkeys(path.parent for path in (command, command.resolve()))
    return tuple(folder.parent if _has_prefix(folder) else folder for folder in folders)


def _has_prefix(folder: Path) -> bool:
    """Whether a folder is the `bin` of an installation of its own, and not the system's or a user's."""
    return folder.name == "bin" and folder.parent not in {Path(folder.anchor), Path.home()}


def hide_process() -> None:
    """Close this process's memory and environment in /proc to others of its user."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DUMPABLE, 0, 0, 0, 0)


@functools.cache
def _python_folders() -> tuple[Path, ...]:
    """Folders of this Python, of its packages, of the service's own code, and of the embedded analyser's networks."""
    own = (PACKAGES / "service", PACKAGES / "openface_lite", models_folder())
    return (Path(sys.prefix), Path(sys.base_prefix), *own)


def _texts(paths: Iterable[str | Path]) -> list[str]:
    return [str(path) for path in paths]
