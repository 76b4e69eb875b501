"""One account's clients: which faults are storage's, and how far clocks are apart."""

from __future__ import annotations

import pytest
from azure.data.tables import TableServiceClient

from infra.local.azurite import ACCOUNT, ACCOUNT_KEY
from service.storage.account import translated


def test_an_entity_that_cannot_be_written_is_no_outage() -> None:
    """An outage is tried for ever; a fault of the caller has to end."""
    endpoint = f"AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};TableEndpoint=http://127.0.0.1:1/{ACCOUNT}"
    table = TableServiceClient.from_connection_string(f"DefaultEndpointsProtocol=http;{endpoint}").get_table_client("t")
    entity = {"PartitionKey": "a", "RowKey": "b"}
    for wrong in (object(), [1], {"a": 1}):
        with pytest.raises(TypeError), translated("writing"):
            table.create_entity({**entity, "value": wrong})
        with pytest.raises(TypeError), translated("writing"):
            table.submit_transaction([("upsert", {**entity, "value": wrong})])
    with pytest.raises(AttributeError), translated("writing"):
        None.no_such_thing  # type: ignore[attr-defined]  # noqa: B018
