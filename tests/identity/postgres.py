"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on a socket in it, gone with the run.

The commands are those of Debian's package, or of the folder TEST_POSTGRES_BIN.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY_ELSE = "postgres"
"""PostgreSQL does not run as root; then the package's own user runs it."""


def commands() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None where PostgreSQL is not installed."""
    if named := os.environ.get("TEST_POSTGRES_BIN"):
        return Path(named)
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


def can_run() -> bool:
    """Whether there is one, and a user who may run it."""
    return commands() is not None and (os.geteuid() != 0 or _user() is not None)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = _user()
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    cluster = folder / "data"
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=200"
    try:
        _run("initdb", "--auth=trust", "--username=tests", "--no-sync", "--encoding=UTF8", "-D", str(cluster))
        _run("pg_ctl", "-w", "-D", str(cluster), "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield f"postgresql://tests@/postgres?host={folder}"
        finally:
            _run("pg_ctl", "-w", "-D", str(cluster), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: str, *arguments: str) -> None:
    bin_dir = commands()
    assert bin_dir
    # `start` leaves a server behind that would keep a pipe open: what it says goes to a file.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [str(bin_dir / command), *arguments],
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
            cwd="/",
            user=user.pw_uid if (user := _user()) else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            timeout=60,
        )
        said.seek(0)
        assert done.returncode == 0, said.read().decode()


def _user() -> pwd.struct_passwd | None:
    """Whom to become where we are root."""
    if os.geteuid() != 0:
        return None
    for name in (NOBODY_ELSE, "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None
