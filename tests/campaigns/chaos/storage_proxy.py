"""A proxy before the emulator that loses answers and is busy in storms; the service's parts reach storage through it.

A lost answer is one whose request was carried out: its write is applied, and its sender cannot know.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from infra.local.loopback import HOST

Storm = Literal["lost answers", "503", "500", "429"]
STORMS: tuple[Storm, ...] = ("lost answers", "503", "429", "500")
WRITES = frozenset({b"POST", b"PUT", b"PATCH", b"MERGE", b"DELETE"})
RETRY_AFTER_S = 1
BODILESS = frozenset({b"204", b"304"})
BUSY = (
    "HTTP/1.1 {status} busy\r\nRetry-After: {after}\r\nx-ms-error-code: ServerBusy\r\n"
    "Content-Type: application/xml\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(frozen=True)
class Head:
    """First line and headers of a request or an answer, word for word."""

    text: bytes

    @property
    def words(self) -> list[bytes]:
        return self.text.split(b"\r\n", 1)[0].split(b" ")

    def header(self, name: bytes) -> bytes:
        for line in self.text.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name:
                return value.strip().lower()
        return b""


class StorageProxy:
    """Passes requests on to the emulator; inside a storm a share of them meets its fault.

    Attributes:
        counts: of faults, by storm.
        lost_poison_answers: to messages for the poison queue, each of which may be there twice for it.
    """

    def __init__(self, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.lost_poison_answers = 0
        self._chance = random.Random(f"{seed}:storage")
        self._storm: Storm | None = None
        self._share = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="storage-proxy", daemon=True)
        self._thread.start()

    def before(self, connection_string: str) -> str:
        """Listen before each service of a connection string, and return the one that leads through here."""
        parts = dict(part.split("=", 1) for part in connection_string.strip(";").split(";"))
        for name in ("BlobEndpoint", "QueueEndpoint", "TableEndpoint"):
            port = int(parts[name].split(":")[2].split("/")[0])
            own = asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(10)
            parts[name] = parts[name].replace(f":{port}/", f":{own}/")
        return ";".join(f"{name}={value}" for name, value in parts.items()) + ";"

    @contextmanager
    def storm(self, kind: Storm, share: float) -> Iterator[None]:
        """Let a share of the requests meet a fault meanwhile."""
        self._storm, self._share = kind, share
        try:
            yield
        finally:
            self._storm = None

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(_end_others(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _listen(self, port: int) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Either side may end at any time: parts are killed, and storage is stopped.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._serve(port, reader, writer)
            writer.close()

        server = await asyncio.start_server(serve, HOST, 0)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_storage, to_storage = await asyncio.open_connection(HOST, port)
        try:
            while True:
                head, body = await _message(reader)
                fault = self._fault(head)
                if fault and fault != "lost answers":
                    writer.write(BUSY.format(status=fault, after=RETRY_AFTER_S).encode())
                else:
                    to_storage.write(head.text + body)
                    answer, content = await _message(from_storage, asked=head)
                    if fault:
                        self.lost_poison_answers += b"-poison/messages" in head.words[1]
                        return
                    writer.write(answer.text + content)
                await writer.drain()
        finally:
            to_storage.close()

    def _fault(self, head: Head) -> Storm | None:
        storm = self._storm
        if storm is None or (storm == "lost answers" and head.words[0] not in WRITES):
            return None
        if self._chance.random() >= self._share:
            return None
        self.counts[storm] += 1
        return storm


async def _end_others() -> None:
    """Cancel the connections that are still open."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _message(reader: asyncio.StreamReader, asked: Head | None = None) -> tuple[Head, bytes]:
    """Read a whole request, or the whole answer to one."""
    head = Head(await reader.readuntil(b"\r\n\r\n"))
    if asked and (asked.words[0] == b"HEAD" or head.words[1] in BODILESS):
        return head, b""
    if b"chunked" in head.header(b"transfer-encoding"):
        return head, await _chunks(reader)
    return head, await reader.readexactly(int(head.header(b"content-length") or 0))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a body in chunks, as it is written."""
    text = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        text += line + await reader.readexactly(size + 2)
        if not size:
            return text
