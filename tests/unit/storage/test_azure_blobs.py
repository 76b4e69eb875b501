"""Answers of storage to a read of the media: final ones end the job, others are outages."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError

from service.errors import AnalysisError
from service.storage.account import translated
from service.storage.azure_blobs import _refused


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (409, "BlobArchived", "media_archived"),
        (409, "BlobBeingRehydrated", "media_archived"),
        (409, "BlobUsesCustomerSpecifiedEncryption", "media_refused"),
        (400, "InvalidResourceName", "media_refused"),
        (400, "OutOfRangeInput", "media_refused"),
        (409, "ContainerBeingDeleted", "storage_unavailable"),
        (401, "InvalidAuthenticationInfo", "storage_unavailable"),
        (403, "AuthenticationFailed", "storage_unavailable"),
        (408, "OperationTimedOut", "storage_unavailable"),
        (429, "TooManyRequests", "storage_unavailable"),
        (500, "InternalError", "storage_unavailable"),
        (503, "ServerBusy", "storage_unavailable"),
    ],
)
def test_a_refused_read_is_final_unless_it_may_pass(status: int, reason: str, code: str) -> None:
    error = HttpResponseError("an answer of storage")
    error.status_code = status
    error.error_code = reason  # type: ignore[attr-defined]
    with pytest.raises(AnalysisError) as caught, translated("reading a blob", refused=_refused):
        raise error
    assert caught.value.code == code
    assert caught.value.advice
