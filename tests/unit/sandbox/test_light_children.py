"""What children load before they begin: a video's job starts several, and each pays for its imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from service.settings import REPOSITORY

CHILDREN = [
    "service.engine.lite.child",
    "service.identity.child",
    "service.results.proxy.__main__",
    "service.results.series.__main__",
    "service.sandbox.decoders.__main__",
    "service.sandbox.decoders.pool_child",
]
HEAVY = {"azure", "flask", "matplotlib", "pandas", "pyarrow", "pydantic", "requests", "structlog"}


@pytest.mark.parametrize("child", CHILDREN)
def test_a_child_loads_nothing_that_it_does_not_use(child: str) -> None:
    code = f"import sys, {child}; print(*(set(sys.modules) & {HEAVY}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
