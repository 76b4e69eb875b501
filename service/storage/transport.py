"""How the Azure clients' requests are sent: by requests, without what calls to storage have no use for."""

from __future__ import annotations

import re
import time
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

CONNECTIONS = 256
"""Kept to each of the three services: as many as threads may ask at once. requests keeps ten, and opens a new one for
each further call."""

BLOCK_BYTES = 64 << 10
"""Of a body that is streamed; the SDK's 4 KiB cost twice the processor time for a large blob."""
EARLIER_S = 1.0
"""A connection is given up so long before its server has said that it will close it."""

_TIMEOUT = re.compile(r"timeout=(\d+)")


class _Kept(HTTPConnection):
    """A connection that is not used when its server is about to close it (`Keep-Alive: timeout=5`).

    A request that meets the end of its connection may have been heard or not, so it cannot be sent again by itself.
    """

    _good_until = float("inf")

    @property
    def is_connected(self) -> bool:
        return time.monotonic() < self._good_until and super().is_connected

    def connect(self) -> None:
        self._good_until = float("inf")
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself
        answer = super().getresponse()
        told = _TIMEOUT.search(answer.headers.get("Keep-Alive", ""))
        if told:
            self._good_until = time.monotonic() + int(told[1]) - EARLIER_S
        return answer


class _KeptSecure(_Kept, HTTPSConnection):
    """Such a connection over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Kept


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _KeptSecure


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class LeanSession(requests.Session):
    """A session for clients that sign their requests themselves, get no cookies and follow no redirects.

    A third of what requests costs for a call goes into preparing a request anew that the client has prepared, and into
    reading the environment, of proxies and certificates. This one reads it once, and sends what it is given. Where
    proxies are named, and for bodies that are streams, it is requests' own.
    """

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(pool_maxsize=CONNECTIONS))
        told = self.merge_environment_settings("https://storage.invalid", {}, None, True, None)
        self.trust_env = bool(told["proxies"])
        self._trusted = told["verify"] or True

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send, and read the answer unless it is to be streamed. Raises as requests does."""
        body = options.get("data")
        if self.trust_env or options.get("files") or not isinstance(body, bytes | str | None):
            return super().request(method, url, **{**options, "verify": self._trusted})
        prepared = requests.PreparedRequest()
        prepared.method = method
        prepared.url = url
        prepared.body = body.encode() if isinstance(body, str) else body
        prepared.headers = CaseInsensitiveDict({**self.headers, **options["headers"]})
        if prepared.body is not None:
            prepared.headers["Content-Length"] = str(len(prepared.body))
        stream = options.get("stream", False)
        answer = self.get_adapter(url).send(
            prepared, stream=stream, timeout=options["timeout"], verify=self._trusted, cert=options["cert"]
        )
        if not stream:
            answer.content  # noqa: B018 - read here, so that its connection is free
        return answer


def storage_transport() -> RequestsTransport:
    """The SDK's own, over such a session, with as many connections kept as there are threads."""
    return RequestsTransport(session=LeanSession(), session_owner=False, connection_data_block_size=BLOCK_BYTES)
