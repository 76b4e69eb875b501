"""What the import contract cannot say: who may speak to Azure, start processes, or read the environment; and that a
file's test lies at its path."""

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


TESTS = Path(__file__).parents[1]
ROOMS = ("cli", "client", "identity", "results", "sandbox", "storage", "web")
WITHOUT_OWN_TEST = {
    # Entries of child processes, which run wherever a child is started.
    "identity/child.py",
    "identity/video_child.py",
    "results/proxy/__main__.py",
    "results/study/poster_child.py",
    "sandbox/confine.py",
    "sandbox/decoders/__main__.py",
    "sandbox/decoders/pool_child.py",
    # Start such a child, and do nothing else.
    "results/series/make.py",
    "sandbox/python_child.py",
    # Constants, models without behaviour, and composition.
    "identity/services.py",
    "results/report/files.py",
    "results/summary_model.py",
    "web/identity/app.py",
    "web/services.py",
    # Routes of identity, in `integration/identity`.
    "web/identity/galleries.py",
    "web/identity/legacy_names.py",
    "web/identity/legacy_tokens.py",
    "web/identity/people.py",
}


def _has_test(module: Path) -> bool:
    name = "test_main.py" if module.name == "__main__.py" else f"test_{module.name}"
    folders = (Path("unit", module.parent), Path("integration", module.parent), Path("integration", module.parts[0]))
    return any((TESTS / folder / name).is_file() for folder in folders)


def test_a_files_test_lies_at_its_path() -> None:
    modules = [path.relative_to(SERVICE) for room in ROOMS for path in (SERVICE / room).rglob("*.py")]
    found = {path.as_posix() for path in modules if path.name != "__init__.py" and not _has_test(path)}
    assert found == WITHOUT_OWN_TEST
