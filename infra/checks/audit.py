"""`python -m infra.checks.audit`: known holes in the locked packages of Python and Node.

pip-audit and npm ask registries. Where those cannot be reached, the check is skipped in words, and nothing is claimed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.steps import REPOSITORY

PIP_AUDIT = "pip-audit==2.10.1"
LOCKS = ("requirements.txt", "requirements-otel.txt", "requirements-identity.txt", "cloud_function/requirements.txt")
"""Lock files of what is deployed, without the tools of development."""
NODE = REPOSITORY / "infra" / "local"
UNREACHABLE = (
    "ConnectionError",
    "Max retries",
    "ENOTFOUND",
    "ECONNREFUSED",
    "EAI_AGAIN",
    "ENOAUDIT",
    "No matching distribution",
    "Temporary failure",
    "HTTPError",
    "403",
    "404",
    "audit endpoint returned an error",
)
TIME_S = 600
KNOWN_HOLE = "jinja2==2.11.2"
"""A release with published holes: a mirror that knows none of them knows nothing of the others either."""


@dataclass(frozen=True)
class Audited:
    """What became of one audit: `clean`, `holes` or `skipped`, and its words."""

    name: str
    outcome: str
    said: str


def audit_python(lock: Path, tool: Path) -> Audited:
    """Ask for known holes in a lock file."""
    argv = [str(tool), "--requirement", str(lock), "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    return _judged(str(lock.relative_to(REPOSITORY)), argv, REPOSITORY)


def knows_holes(tool: Path, folder: Path) -> bool:
    """Whether the registry in use tells of a hole that is known to all."""
    control = folder / "control.txt"
    control.write_text(f"{KNOWN_HOLE}\n")
    argv = [str(tool), "--requirement", str(control), "--disable-pip", "--no-deps", "--progress-spinner", "off"]
    return _judged("control", argv, folder).outcome == "holes"


def audit_node() -> Audited:
    """Ask for known holes in the emulator and the accessibility checker, which only tests and the local stack use."""
    npm = shutil.which("npm")
    if not npm:
        return Audited("infra/local/package-lock.json", "skipped", "npm is not here")
    # Azurite brings an axios of 2021, and no release of it has another: told in SECURITY.md. Criticals are new ones.
    return _judged(
        "infra/local/package-lock.json", [npm, "audit", "--package-lock-only", "--audit-level=critical"], NODE
    )


def _judged(name: str, argv: list[str], folder: Path) -> Audited:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=TIME_S, check=False)
    said = f"{done.stdout}\n{done.stderr}".strip()
    return Audited(name, outcome_of(done.returncode, said), said)


def outcome_of(code: int, said: str) -> str:
    """Judge a tool by its exit code and words; one that could not ask is skipped, not clean."""
    if code == 0:
        return "clean"
    return "skipped" if any(words in said for words in UNREACHABLE) else "holes"


def _tool(folder: Path) -> Path | None:
    """Install pip-audit into an environment of its own; None where that cannot be."""
    python = folder / "bin" / "python"
    for argv in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PIP_AUDIT],
    ):
        if subprocess.run(argv, capture_output=True, timeout=TIME_S, check=False).returncode:
            return None
    return folder / "bin" / "pip-audit"


def main() -> int:
    """Audit everything; 1 where something has a known hole."""
    with tempfile.TemporaryDirectory() as folder:
        tool = _tool(Path(folder))
        found = []
        if not tool:
            found.append(Audited("Python", "skipped", f"{PIP_AUDIT} cannot be installed here"))
        elif not knows_holes(tool, Path(folder)):
            found.append(Audited("Python", "skipped", f"the registry tells no holes, not even those of {KNOWN_HOLE}"))
        else:
            found = [audit_python(REPOSITORY / lock, tool) for lock in LOCKS]
        found.append(audit_node())
    for audited in found:
        print(f"{audited.outcome:<8} {audited.name}")
        if audited.outcome != "clean":
            print("\n".join(f"         {line}" for line in audited.said.splitlines()[-30:]))
    return int(any(audited.outcome == "holes" for audited in found))


if __name__ == "__main__":
    sys.exit(main())
