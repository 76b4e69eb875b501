"""A real HTTP server on loopback that gives prepared answers and keeps the requests.

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

_STOP_POLL_S = 0.01


@dataclass(frozen=True)
class ReceivedRequest:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class StandIn:
    """`answers` maps a path to (status, body); other paths get `status` and `body`.

    A body of bytes is sent as it is, any other as JSON; `content_type` replaces the one that follows from the status.
    `piece_delay_s` waits before each byte of the body.
    """

    status: int = 202
    body: Any = field(default_factory=lambda: {"jobs": [{"id": "a" * 32, "state": "queued"}], "next": None})
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    content_type: str = ""
    delay_s: float = 0.0
    piece_delay_s: float = 0.0
    requests: list[ReceivedRequest] = field(default_factory=list)
    url: str = ""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.requests.append(
            ReceivedRequest(
                request.method,
                request.path,
                request.args.to_dict(),
                {name.lower(): value for name, value in request.headers.items()},
                request.get_data(),
            )
        )
        time.sleep(self.delay_s)
        status, body = self.answers.get(request.path, (self.status, self.body))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        content_type = self.content_type or ("application/json" if status < 400 else "application/problem+json")
        response = Response(content, status=status, content_type=content_type, headers=dict(self.headers))
        if self.piece_delay_s:
            response.response = self._slowly(content)
        return response(environ, start_response)

    def _slowly(self, content: bytes) -> Iterator[bytes]:
        for number in content:
            time.sleep(self.piece_delay_s)
            yield bytes([number])


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        pass


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    server = make_server("127.0.0.1", 0, stand_in, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(_STOP_POLL_S,), daemon=True)
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.port}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
