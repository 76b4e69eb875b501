"""One account's clients: which faults are storage's, and how far clocks are apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.data.tables import TableServiceClient

from infra.local.azurite import ACCOUNT, ACCOUNT_KEY
from service.errors import (
    AnalysisError,
    BlobExists,
    LeaseLost,
    MediaChanged,
    MediaNotFound,
    StorageRefused,
    StorageUnavailable,
)
from service.storage.account import _clock_ahead_s, translated


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


def failing(status: int, code: str = "") -> HttpResponseError:
    error = HttpResponseError("an answer of storage")
    error.status_code = status
    if code:
        error.error_code = code  # type: ignore[attr-defined]
    return error


MISSING, EXISTS, CHANGED, STALE = MediaNotFound("m"), BlobExists("e"), MediaChanged("c"), LeaseLost("s")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (failing(404, "BlobNotFound"), MISSING),
        (failing(409, "BlobAlreadyExists"), EXISTS),
        (failing(409, "ContainerAlreadyExists"), EXISTS),
        # The table's client gives the status alone.
        (failing(409), EXISTS),
        (failing(412, "ConditionNotMet"), CHANGED),
        (failing(400, "PopReceiptMismatch"), STALE),
    ],
)
def test_an_answer_becomes_the_error_that_its_caller_names(error: Exception, expected: AnalysisError) -> None:
    with (
        pytest.raises(type(expected)) as raised,
        translated("asking", missing=MISSING, exists=EXISTS, changed=CHANGED, stale=STALE),
    ):
        raise error
    assert raised.value is expected


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (failing(400, "InvalidInput"), StorageRefused),
        (failing(413, "RequestBodyTooLarge"), StorageRefused),
        (failing(403, "AuthorizationFailure"), StorageUnavailable),
        (failing(409, "LeaseAlreadyPresent"), StorageUnavailable),
        (failing(429), StorageUnavailable),
        (failing(500), StorageUnavailable),
        (ServiceRequestError("no route"), StorageUnavailable),
        (TimeoutError(), StorageUnavailable),
        (ConnectionResetError(), StorageUnavailable),
    ],
)
def test_what_no_caller_names_is_final_only_where_it_will_not_pass(error: Exception, kind: type[AnalysisError]) -> None:
    with pytest.raises(AnalysisError) as raised, translated("asking"):
        raise error
    assert type(raised.value) is kind
    assert "while asking" in raised.value.message


def test_an_error_of_the_service_and_a_fault_pass_as_they_are() -> None:
    for error in (MISSING, ValueError("fault"), OSError("disk")):
        with pytest.raises(type(error)) as raised, translated("asking"):
            raise error
        assert raised.value is error


def test_a_fault_of_a_later_step_is_not_blamed_on_an_earlier_answer() -> None:
    def handle() -> None:
        try:
            raise StorageUnavailable("away")
        except StorageUnavailable:
            raise ValueError("fault") from None

    with pytest.raises(ValueError, match="fault"), translated("asking"):
        handle()


@pytest.mark.parametrize(
    ("date", "ahead_s"),
    [
        # Dates are cut to whole seconds: half of one is what they lack in the mean.
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0.5),
        ("Thu, 01 Jan 2026 00:00:10 GMT", -9.5),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 60.5),
        ("", None),
        ("yesterday", None),
    ],
)
def test_clocks_are_compared_in_the_middle_of_the_exchange(date: str, ahead_s: float | None) -> None:
    # Sent at midnight, answered two seconds later.
    assert _clock_ahead_s(datetime(2026, 1, 1, tzinfo=UTC), 2.0, date) == ahead_s
