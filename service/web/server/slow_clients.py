"""A gunicorn worker whose threads are for requests that have arrived, and not for connections that are open.

gunicorn's own worker of threads gives a thread to each connection with its first byte, and the thread then waits for
the rest, for ever: as many half-sent requests as there are threads stop the server ("slow loris").
It also waits up to two seconds, with all connections, for each client that does not hang up after its last answer.
Here one loop holds both kinds of connections at no cost but their memory, and ends them when their time is up.

This overrides parts of gunicorn that it does not document, so its version is pinned exactly; `benchmarks.abuse` and
the tests of requests, connections and stopping show whether another version still fits. It stays because no kept
server does as much. The first three were run under `benchmarks.abuse` in place of this one, the others read:

- gunicorn 27.0.1, worker `gthread` with 500 threads: `/healthz` is not answered while 200 half-sent requests are open.
- gunicorn 27.0.1 with gevent 26.9.0, patched before all else: all requests of a process share one thread, and none
  gives way before it waits. Slow readers of a large file, a burst of connections and the first search among 100,000
  faces each stop `/healthz` for seconds. SQLite and the child processes would need other threads besides.
- Granian 2.8.9 (WSGI): answers `/healthz` in time in all cases. But a body that breaks off, or is chunked wrongly,
  reaches the application as if it were whole, without an error: half a picture would be measured. A body that stops in
  the middle keeps its connection and its thread for as long as the client likes.
- a2wsgi 1.10.10, which an ASGI server would need for this application: a client that leaves in the middle of a long
  answer leaves its thread waiting for ever (`WSGIResponder.send`), and a body that breaks off counts as whole.
- waitress 3.0.2: a whole body is written to disk before the application may refuse it.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any, ClassVar

from gunicorn.http import get_parser
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from service.web.server.shares import Shares

HEAD_S = 10.0
"""How long a request's line and headers may take from their first to their last byte."""
HEAD_BYTES = 64 << 10
"""How long they may be: more than browsers and proxies send; gunicorn's own limit is 800 KiB a connection."""
IDLE_S = 30.0
"""How long a thread waits for a client that does not take its answer (or goes on sending a body)."""
BODY_S, BODY_BYTES_PER_S = 10.0, 16 << 10
"""A body may take so long, and as much longer as its bytes would at this rate; a thread waits for it."""
LINGER_S, LINGER_BYTES = 2.0, 256 << 10
"""Limits for a client that goes on sending after its last answer (RFC 9112, 9.6)."""
READ_BYTES = 16 << 10
SEND_BUFFER_BYTES = 128 << 10
"""Bytes of an answer that the kernel buffers; left alone it takes 4 MiB, and copying them for many readers at once
takes all processors for seconds."""
ACCEPT_AT_ONCE = 16
PAUSE_S = 0.003
"""How long a process that has more connections than another leaves new ones to the others."""
SWITCH_S = 0.001
"""Longest that a thread runs while others wait for the interpreter; an answer needs it several times, and with Python's
5 ms and many threads at work even `/healthz` would take seconds."""
END = b"\r\n\r\n"


class _Paced:
    """A connection's socket as its requests are read from; gives up a client that sends too slowly."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.begin()

    def begin(self) -> None:
        """A request begins."""
        self._ends = time.monotonic() + BODY_S

    def recv(self, size: int) -> bytes:
        """Raises TimeoutError."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left, IDLE_S))
        try:
            data = self._sock.recv(size)
        finally:
            self._sock.settimeout(IDLE_S)
        self._ends += len(data) / BODY_BYTES_PER_S
        return data


class _Connection(TConn):  # type: ignore[misc]
    """A connection with what has arrived of its next request."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.head = bytearray()
        self.paced = _Paced(self.sock)
        self.drained = 0

    def init(self) -> None:
        # Called by the thread that serves a request, when it has made the socket wait.
        super().init()
        self.sock.settimeout(IDLE_S)

    def has_head(self) -> bool:
        # One empty line may come before a request (RFC 9112, 2.2).
        return END in self.head[2 if self.head.startswith(b"\r\n") else 0 :]


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """See the module. `pending_conns` and `murder_pending` are gunicorn's: connections that wait without a thread.

    Attributes:
        shares: connections of all processes, where there are several; set before they start.
    """

    shares: ClassVar[Shares | None] = None

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._lingering: deque[_Connection] = deque()
        self._more = 0
        self._paused_until = 0.0

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH_S)
        if self.shares:
            self.shares.begin(self.age)
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Accept some of the connections that wait, and leave the others to a process that has fewer."""
        # All processes are woken for a connection, and one is ahead of the others time and again: it would have all
        # of a client's connections, which stay, and the others nothing to do.
        for taken in range(ACCEPT_AT_ONCE):
            if not (self.shares and self.shares.is_ahead(self.age)):
                self._more = 0
            elif taken >= self._more:
                # The others may be too busy to take any: each pause is followed by more that are taken here.
                self._more = min(max(2 * self._more, 2), ACCEPT_AT_ONCE)
                self._pause()
                return
            if not self._accept_one(listener):
                return

    def _pause(self) -> None:
        self._paused_until = time.monotonic() + PAUSE_S
        self.set_accept_enabled(False)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Watch the listening sockets, except during a pause; gunicorn calls this in each round of its loop."""
        super().set_accept_enabled(enabled and time.monotonic() >= self._paused_until)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait until the end of a pause at most."""
        left = self._paused_until - time.monotonic()
        super().wait_for_and_dispatch_events(min(timeout, left) if left > 0 else timeout)

    def _accept_one(self, listener: socket.socket) -> bool:
        """Accept a connection; False where none waits, or no more are taken."""
        if self.nr_conns >= self.worker_connections:
            return False
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return False
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.nr_conns += 1
        self._tell_share()
        self.enqueue_req(_Connection(self.cfg, client, address, listener.getsockname()))
        return True

    def _tell_share(self) -> None:
        if self.shares:
            self.shares.set(self.age, self.nr_conns)

    def enqueue_req(self, conn: _Connection) -> None:
        """Wait for the next request of a connection, and give it a thread when its head is whole."""
        if conn.parser:
            # The beginning of the next request may have come with the one before.
            conn.head += conn.parser.unreader.take_buffered()
        if conn.has_head():
            self._serve(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + HEAD_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._read, conn))

    def _read(self, conn: _Connection, _: socket.socket) -> None:
        try:
            data = conn.sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        conn.head += data
        too_long = len(conn.head) > HEAD_BYTES
        if data and not too_long and not conn.has_head():
            return
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)
        if not data:
            self._drop(conn)
        elif not too_long or b"\r\n" not in conn.head[: self.cfg.limit_request_line + len(END)]:
            # A request line that is too long is refused by the parser, with its own status.
            self._serve(conn)
        else:
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders("the headers are too long"))
            self._hang_up(conn)

    def _serve(self, conn: _Connection) -> None:
        if conn.parser is None:
            conn.parser = get_parser(self.cfg, conn.paced, conn.client)
        conn.paced.begin()
        conn.parser.unreader.unread(bytes(conn.head))
        conn.head.clear()
        conn.data_ready = True
        super().enqueue_req(conn)

    def finish_request(self, conn: _Connection, fs: Future[Any]) -> None:
        """Keep the connection for its next request, or say goodbye without waiting for the other side to do so."""
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
        else:
            self._hang_up(conn)

    def _hang_up(self, conn: _Connection) -> None:
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.timeout = time.monotonic() + LINGER_S
        self._lingering.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))

    def _drain(self, conn: _Connection, _: socket.socket) -> None:
        try:
            data = conn.sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        conn.drained += len(data)
        if not data or conn.drained > LINGER_BYTES:
            self._lingering.remove(conn)
            self.poller.unregister(conn.sock)
            self._drop(conn)

    def murder_pending(self) -> None:
        """End the connections whose time is up; called about once a second."""
        now = time.monotonic()
        if not self.alive:
            # A stopping worker does not wait for requests that may never be whole.
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout, now + STOP_KEEPALIVE_LINGER)
        super().murder_pending()
        self._tell_share()
        while self._lingering and self._lingering[0].timeout <= now:
            conn = self._lingering.popleft()
            with suppress(OSError, KeyError, ValueError):
                self.poller.unregister(conn.sock)
            self._drop(conn)

    def _drop(self, conn: _Connection) -> None:
        self.nr_conns -= 1
        self._tell_share()
        conn.close()


def close_after_body(_worker: Any, request: Any) -> None:
    """gunicorn's `pre_request`: a body that is announced is not waited for after the answer, but the connection closed.

    Unless the application has read all of it, and says so by calling `keep_alive` of its body (`bodies`). Without
    this the thread would read on after a refusal, to find the next request behind the body.
    """
    announced = {name: value for name, value in request.headers if name in ("CONTENT-LENGTH", "TRANSFER-ENCODING")}
    if not announced or announced == {"CONTENT-LENGTH": "0"}:
        return
    before = request.must_close
    request.force_close()

    def keep_alive() -> None:
        request.must_close = before

    request.body.keep_alive = keep_alive
