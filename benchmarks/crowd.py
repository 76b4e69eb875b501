"""Many clients of the web server in one event loop: sockets that are opened together and misused in some way.

Separate because only raw sockets can send half a request or read a byte a second.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

TINY_WINDOW = 2048
"""Bytes of a slow reader's receive buffer; the kernel doubles it."""
CONNECT_S = 20.0

Address = tuple[str, int]


@asynccontextmanager
async def connected(address: Address, count: int, *, receive_buffer: int = 0) -> AsyncIterator[list[socket.socket]]:
    """Open connections all at once; those that the server refuses are missing from the list."""
    clients = [_client(receive_buffer) for _ in range(count)]
    loop = asyncio.get_running_loop()
    try:
        made = await asyncio.gather(*(_connect(loop, client, address) for client in clients))
        yield [client for client, is_open in zip(clients, made, strict=True) if is_open]
    finally:
        for client in clients:
            client.close()


async def _connect(loop: asyncio.AbstractEventLoop, client: socket.socket, address: Address) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            await loop.sock_connect(client, address)
    except (OSError, TimeoutError):
        return False
    return True


def _client(receive_buffer: int) -> socket.socket:
    client = socket.socket()
    client.setblocking(False)
    if receive_buffer:
        # Before connecting: the window that is offered depends on it.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    return client


async def send_to_all(clients: Sequence[socket.socket], words: Sequence[bytes]) -> None:
    """Send each client's own words, which are taken in turn."""
    loop = asyncio.get_running_loop()

    async def send(client: socket.socket, what: bytes) -> None:
        with suppress(OSError):
            await loop.sock_sendall(client, what)

    await asyncio.gather(*(send(client, words[number % len(words)]) for number, client in enumerate(clients)))


async def drip(clients: Sequence[socket.socket], byte: bytes, every_s: float) -> None:
    """Send a byte on each connection now and then, for ever."""
    while True:
        await asyncio.sleep(every_s)
        await send_to_all(clients, [byte])


async def sip(clients: Sequence[socket.socket], size: int, every_s: float) -> None:
    """Read a few bytes on each connection now and then, for ever."""
    while True:
        await asyncio.sleep(every_s)
        for client in clients:
            with suppress(OSError):
                client.recv(size)


async def answered(clients: Sequence[socket.socket], words: bytes, within_s: float) -> list[float]:
    """Seconds until each connection has received these words; connections that never do are missing."""
    loop = asyncio.get_running_loop()
    began = time.monotonic()

    async def wait(client: socket.socket) -> float | None:
        found = b""
        with suppress(OSError):
            while words not in found:
                piece = await loop.sock_recv(client, 65536)
                if not piece:
                    return None
                found += piece
            return time.monotonic() - began
        return None

    tasks = [asyncio.create_task(wait(client)) for client in clients]
    if not tasks:
        return []
    done, late = await asyncio.wait(tasks, timeout=within_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return sorted(seconds for task in done if (seconds := task.result()) is not None)


def are_open(clients: Sequence[socket.socket]) -> int:
    """How many connections the server has not ended, of clients that expect no answer."""
    count = 0
    for client in clients:
        try:
            count += client.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            count += 1
        except OSError:
            continue
    return count
