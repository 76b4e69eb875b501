"""Links to results are good over TLS alone where the account has it; nothing is asked of storage for them."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import BlobServiceClient

from infra.local.azurite import ACCOUNT_KEY
from service.storage.azure_blobs import AzureBlobs


@pytest.mark.parametrize(("scheme", "only"), [("https", ["https"]), ("http", None)])
def test_a_link_to_an_https_account_is_good_over_tls_alone(scheme: str, only: list[str] | None) -> None:
    text = f"AccountName=x;AccountKey={ACCOUNT_KEY};BlobEndpoint={scheme}://x.example.org/"
    with BlobServiceClient.from_connection_string(text) as service:
        link = AzureBlobs(service).link("results", "a.csv", minutes=5)
    assert parse_qs(urlsplit(link).query).get("spr") == only
