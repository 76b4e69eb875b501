"""Jobs in storage, done by a worker of the test's own."""

from __future__ import annotations

import pytest

from tests.conftest import Premises
from tests.integration.worker.conftest import Bench


@pytest.fixture
def bench(premises: Premises) -> Bench:
    return Bench(premises)
