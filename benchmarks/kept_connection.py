"""One HTTP connection that is kept from request to request.

Of the standard library: an installed asynchronous client (aiohttp) is imported by every process that uses the Azure
SDK, which cost each of the tests' hundreds of children a fifth of a second.
"""

from __future__ import annotations

import http.client
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

NO_ANSWER = 0


class KeptConnection:
    """Requests to one server, one after the other; not for several threads at once."""

    def __init__(self, url: str, timeout_s: float) -> None:
        server = urlsplit(url)
        self._connection = http.client.HTTPConnection(server.hostname or "", server.port, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._connection.close()

    def status(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
        """Ask and read the answer whole. Returns its HTTP status, `NO_ANSWER` where the connection failed."""
        try:
            self._connection.request(method, path, body, headers or {})
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return NO_ANSWER
        return response.status
