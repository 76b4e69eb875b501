"""Serve `/metrics`, `/healthz` and `/readyz` of a worker on METRICS_PORT, without a key."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from service import __version__, metrics
from service.errors import AnalysisError
from service.settings import BadSettings

Ping = Callable[[], object]
"""Checks one dependency; raises an AnalysisError where it cannot be used."""


@dataclass(frozen=True)
class Finding:
    """The answer of one dependency."""

    ok: bool
    seconds: float
    error: str | None


JSON = "application/json"
REQUEST_TIMEOUT_S = 10.0

Answer = tuple[HTTPStatus, str, bytes]


class StatusServer:
    """Serves on a thread for as long as the block lasts; without a port, nothing.

    Args:
        pings: the worker's dependencies by name.
        queues: the queues' metrics.

    Raises:
        BadSettings: the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, pings: Mapping[str, Ping], queues: Collector) -> None:
        self._pings = pings
        self._queues = queues
        if not port:
            self._server = None
            return
        try:
            self._server = make_server(host, port, self._application, ThreadingWSGIServer, _Quiet)
        except OSError as error:
            raise BadSettings(f"METRICS_PORT: {host}:{port} cannot be listened on: {error.strerror}") from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="status", daemon=True)

    def __enter__(self) -> Self:
        if self._server:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _application(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, content_type, body = self._answer(str(environ.get("REQUEST_METHOD")), str(environ.get("PATH_INFO")))
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, method: str, path: str) -> Answer:
        if method != "GET":
            return _json(HTTPStatus.METHOD_NOT_ALLOWED, {"status": "method not allowed"})
        match path:
            case "/metrics":
                return HTTPStatus.OK, metrics.CONTENT_TYPE, metrics.exposition(self._queues)
            case "/healthz":
                return _json(HTTPStatus.OK, {"status": "ok", "version": __version__})
            case "/readyz":
                return self._readiness()
            case _:
                return _json(HTTPStatus.NOT_FOUND, {"status": "not found"})

    def _readiness(self) -> Answer:
        checks = findings(self._pings)
        ready = all(check.ok for check in checks.values())
        results = {name: asdict(check) for name, check in checks.items()}
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return _json(status, {"status": "ready" if ready else "not ready", "checks": results})


class _Quiet(WSGIRequestHandler):
    """Handler without a log line for each probe; a client that sends nothing is dropped."""

    timeout = REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def _json(status: HTTPStatus, body: Mapping[str, Any]) -> Answer:
    return status, JSON, json.dumps(body).encode()


def findings(pings: Mapping[str, Ping]) -> dict[str, Finding]:
    """Call all pings, one after the other."""
    return {name: _finding(ping) for name, ping in pings.items()}


def _finding(ping: Ping) -> Finding:
    began = time.monotonic()
    error = None
    try:
        ping()
    except AnalysisError as trouble:
        error = trouble.message
    return Finding(error is None, round(time.monotonic() - began, 3), error)
