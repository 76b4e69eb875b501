"""Insert many entities into the emulator's table: batches written by hand, since the SDK takes three times as long.

Separate because only a benchmark that needs a million rows before it can begin does so.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import AccountSasPermissions, ResourceTypes, generate_account_sas

from infra.local.azurite import ACCOUNT, ACCOUNT_KEY

_HEADERS = {"x-ms-version": "2019-02-02", "DataServiceVersion": "3.0;NetFx", "MaxDataServiceVersion": "3.0;NetFx"}
_PART = (
    "--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    "POST {url} HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json;odata=nometadata\r\n"
    "Prefer: return-no-content\r\nDataServiceVersion: 3.0\r\n\r\n{entity}\r\n"
)
ACCEPTED = 202


class BulkRows:
    """Inserts new entities into one table."""

    def __init__(self, account_url: str, table: str) -> None:
        sas = generate_account_sas(
            AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
            ResourceTypes(object=True),
            AccountSasPermissions(add=True, write=True, update=True),
            datetime.now(UTC) + timedelta(hours=3),
        )
        self._batch = f"{account_url}/$batch?{sas}"
        self._table = f"{account_url}/{table}"
        self._session = requests.Session()

    def insert(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert up to 100 rows of one partition. Raises RuntimeError where storage refuses any."""
        batch, changes = f"batch_{uuid.uuid4()}", f"changeset_{uuid.uuid4()}"
        parts = [_PART.format(boundary=changes, url=self._table, entity=_as_json(row)) for row in rows]
        head, end = (
            f"--{batch}\r\nContent-Type: multipart/mixed; boundary={changes}\r\n\r\n",
            f"--{changes}--\r\n--{batch}--\r\n",
        )
        body = "".join([head, *parts, end])
        headers = {**_HEADERS, "Content-Type": f"multipart/mixed; boundary={batch}"}
        answer = self._session.post(self._batch, data=body.encode(), headers=headers, timeout=60)
        if answer.status_code != ACCEPTED or answer.content.count(b"HTTP/1.1 204") != len(rows):
            raise RuntimeError(f"the emulator refused a batch: {answer.status_code} {answer.text[:500]}")


def _as_json(row: Mapping[str, Any]) -> str:
    entity: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, datetime):
            entity[name] = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
            entity[f"{name}@odata.type"] = "Edm.DateTime"
        else:
            entity[name] = value
    return json.dumps(entity)
