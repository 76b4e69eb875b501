"""A real HTTP server on loopback that answers as told and remembers what it was asked.

Separate because the tests of the triggers and of the function runner both need the other end of a call.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

_STOP_LOOK_S = 0.01


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class StandIn:
    """`answers` maps a path to (status, JSON body); other paths get `status` and `body`."""

    status: int = 202
    body: Any = field(default_factory=lambda: {"jobs": [{"id": "a" * 32, "state": "queued"}], "next": None})
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    delay_s: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.asked.append(
            Asked(
                request.method,
                request.path,
                request.args.to_dict(),
                {name.lower(): value for name, value in request.headers.items()},
                request.get_data(),
            )
        )
        time.sleep(self.delay_s)
        status, body = self.answers.get(request.path, (self.status, self.body))
        mimetype = "application/json" if status < 400 else "application/problem+json"
        response = Response(json.dumps(body), status=status, mimetype=mimetype, headers=dict(self.headers))
        return response(environ, start_response)


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        pass


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    server = make_server("127.0.0.1", 0, stand_in, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(_STOP_LOOK_S,), daemon=True)
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.port}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
