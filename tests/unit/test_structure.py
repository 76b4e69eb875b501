"""What the import contract cannot say: who may speak to Azure, start processes, or read the environment."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2] / "service"
ALLOWED = {
    "azure": {path.relative_to(SERVICE).as_posix() for path in (SERVICE / "storage").glob("*.py")}
    | {"jobs/job_table.py", "jobs/job_queue.py", "jobs/sweep/lease.py", "jobs/state_index.py"}
    | {
        "jobs/upload_places.py",
        "jobs/studies.py",
        "jobs/report_queue.py",
        "jobs/callback_queue.py",
        "jobs/side_queue.py",
        "jobs/text_index.py",
        "jobs/index_mark.py",
    },
    "subprocess": {"sandbox/process.py"},
    "multiprocessing": set(),
    "os.environ": {"settings.py"},
    "os.getenv": {"settings.py"},
}


def _used(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def test_only_the_named_files_use() -> None:
    users: dict[str, set[str]] = {}
    for path in SERVICE.rglob("*.py"):
        for what in ALLOWED.keys() & set(_used(path)):
            users.setdefault(what, set()).add(path.relative_to(SERVICE).as_posix())
    assert {what: found - ALLOWED[what] for what, found in users.items() if found - ALLOWED[what]} == {}


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("service.sandbox.decoders.picture_probe", {"cv2", "numpy", "pydantic", "pillow_heif"}),
        ("service.results.tidy.__main__", {"azure", "requests", "flask"}),
    ],
)
def test_a_child_does_not_load_what_its_work_does_not_need(module: str, needless: set[str]) -> None:
    """Children are started for a media item or a request each; loading a library takes them longer than their work."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=SERVICE.parent, capture_output=True, text=True, check=True)
    assert needless & set(done.stdout.split()) == set()
