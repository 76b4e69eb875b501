"""Serve the app's HTTP-triggered functions on loopback under `/api/`, behind their key.

Separate because these calls come from people, not from storage.
"""

import hmac
import json
import re
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from infra.local.function_runner.hosted_functions import HostedFunction
from infra.local.loopback import HOST

# The path of the real host's state.
STATUS_PATH = "/admin/host/status"

# The longest time until the server notices that it should stop; it wakes as often.
_STOP_POLL_S = 0.5


@dataclass(frozen=True)
class _Route:
    path: re.Pattern[str]
    methods: frozenset[str]
    needs_key: bool
    function: HostedFunction


class _QuietHandler(WSGIRequestHandler):
    """A handler without access lines: the functions log their decisions."""

    def log_request(self, *_: Any) -> None:
        """Write no access line."""


class HttpRoutes:
    """The WSGI application and the thread that serves it."""

    def __init__(self, functions: Sequence[HostedFunction], function_key: str, threads: Executor) -> None:
        self._threads = threads
        self._routes = [_route(function) for function in functions]
        self._key = function_key
        self._server: BaseWSGIServer | None = None

    def serve(self, port: int) -> int:
        """Begin to listen; returns the port. Raises OSError or SystemExit where it is taken."""
        self._server = make_server(HOST, port, self, threaded=True, request_handler=_QuietHandler)
        threading.Thread(target=self._server.serve_forever, args=(_STOP_POLL_S,), name="http", daemon=True).start()
        return int(self._server.port)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == STATUS_PATH:
            return Response(json.dumps({"state": "Running"}), mimetype="application/json")
        found = [(route, match) for route in self._routes if (match := route.path.fullmatch(request.path))]
        if not found:
            return Response(status=404)
        for route, match in found:
            if request.method in route.methods:
                if route.needs_key and not self._has_key(request):
                    return Response(status=401)
                # The server's own threads only wait, as the host's do.
                return self._threads.submit(_called, route.function, request, match.groupdict()).result()
        return Response(status=405)

    def _has_key(self, request: Request) -> bool:
        given = request.headers.get("x-functions-key") or request.args.get("code") or ""
        return hmac.compare_digest(given.encode(), self._key.encode())


def _route(function: HostedFunction) -> _Route:
    template = str(function.trigger.get("route") or function.name)
    pattern = "".join(
        f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part)
        for part in re.split(r"(\{\w+\})", template)
    )
    methods = function.trigger.get("methods") or ["GET", "POST"]
    return _Route(
        path=re.compile(f"/api/{pattern}"),
        methods=frozenset(str(getattr(method, "value", method)).upper() for method in methods),
        needs_key=_word(function.trigger.get("authLevel")) != "anonymous",
        function=function,
    )


def _word(value: object) -> str:
    return str(getattr(value, "value", value)).lower()


def _called(function: HostedFunction, request: Request, route_params: dict[str, str]) -> Response:
    answer = function.call(
        func.HttpRequest(
            method=request.method,
            url=request.url,
            headers=dict(request.headers),
            params=request.args.to_dict(),
            route_params=route_params,
            body=request.get_data(),
        )
    )
    response = Response(answer.get_body(), status=answer.status_code, mimetype=answer.mimetype)
    response.headers.extend(answer.headers)
    return response
