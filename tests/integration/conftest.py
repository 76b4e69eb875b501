"""Storage for sweeps, which look at all of an account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.azurite import Azurite, start_azurite
from service.storage.account import Account
from tests.conftest import StorageAccount, account_on


@pytest.fixture(scope="session")
def swept_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """An Azurite for the group `swept` of pytest-xdist, whose files share it."""
    with start_azurite(tmp_path_factory.mktemp("swept"), in_memory=True) as running:
        yield running


@pytest.fixture
def swept_account(swept_azurite: Azurite, tmp_path: Path) -> Iterator[StorageAccount]:
    """The only account's storage, empty but for what is made for this test."""
    made = account_on(swept_azurite, tmp_path)
    yield made
    blobs = Account.connect(made.settings).blobs
    for container in list(blobs.list_containers()):
        blobs.delete_container(container.name)
