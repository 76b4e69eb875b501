"""Jobs in storage, done by a worker of the test's own."""

from __future__ import annotations

import pytest

from tests.conftest import StorageAccount
from tests.integration.worker.conftest import Bench


@pytest.fixture
def bench(account: StorageAccount) -> Bench:
    return Bench(account)
