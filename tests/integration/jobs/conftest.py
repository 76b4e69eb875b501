"""Storage and workers for the tests of this folder."""

from __future__ import annotations

import pytest

from tests.conftest import StorageAccount
from tests.integration.worker.conftest import Bench


@pytest.fixture
def bench(account: StorageAccount) -> Bench:
    return Bench(account)
