"""`python -m infra.lock [--check]`: export the requirements files out of `uv.lock`, which is the one lock.

For images and for machines without uv; pip checks their hashes. `--check` needs no network and changes nothing.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import uv

REPOSITORY = Path(__file__).resolve().parent.parent
EXPORTS: Mapping[str, tuple[str, ...]] = {
    "requirements.txt": ("--extra", "server", "--extra", "media"),
    "requirements-identity.txt": ("--extra", "identity"),
    "requirements-otel.txt": ("--extra", "otel"),
    "requirements-dev.txt": ("--extra", "dev", "--group", "functions"),
    "infra/requirements-setup.txt": ("--only-group", "setup"),
    "cloud_function/requirements.txt": ("--only-group", "functions"),
}
"""What each file holds, as options of `uv export`."""
_OPTIONS = ("--frozen", "--no-emit-project", "--no-header", "--no-annotate", "--quiet", "--format", "requirements.txt")


def exported(name: str) -> str:
    """Return what a requirements file has to hold by the lock."""
    done = _uv("export", *_OPTIONS, *EXPORTS[name])
    return done.stdout


def stale_files() -> list[str]:
    """Return the requirements files that differ from the lock."""
    return [name for name in EXPORTS if _content(name) != exported(name)]


def _content(name: str) -> str | None:
    path = REPOSITORY / name
    return path.read_text(encoding="utf-8") if path.exists() else None


def lock_fits_project() -> bool:
    """Whether the lock answers the dependencies of pyproject.toml as they stand."""
    return _uv("lock", "--check", "--offline", check=False).returncode == 0


def _uv(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [uv.find_uv_bin(), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, check=check, capture_output=True, text=True)


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 where a file differs from the lock.")
def main(check: bool) -> None:
    """Export the requirements files, or check them."""
    stale = stale_files()
    if check:
        if not lock_fits_project():
            sys.exit("uv.lock does not answer pyproject.toml: run `make lock`")
        if stale:
            sys.exit(f"{', '.join(stale)}: not what uv.lock says; run `make lock`")
        return
    for name in stale:
        (REPOSITORY / name).write_text(exported(name), encoding="utf-8")
        print(f"exported {name}")


if __name__ == "__main__":
    main()
