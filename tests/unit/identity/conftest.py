"""A store on SQLite in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.identity.store import Store, default_url


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(default_url(tmp_path / "identity"))
    yield opened
    opened.close()
