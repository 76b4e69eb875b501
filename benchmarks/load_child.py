"""The load generator's process: a `Load` as JSON on stdin, `[[status, began, seconds], …]` on stdout."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

_TIME_LIMIT_S = 60.0
_NO_ANSWER = 0
_JPEG = {"Content-Type": "image/jpeg"}

Answer = tuple[int, float, float]
Send = Callable[[dict[str, str], float], Awaitable[None]]


def main() -> None:
    """Send the load and tell how it was answered."""
    load = json.load(sys.stdin)
    json.dump(asyncio.run(_answers(load)), sys.stdout)


async def _answers(load: dict[str, Any]) -> list[Answer]:
    bodies = {name: Path(name).read_bytes() for name in {ask["body"] for ask in load["asks"]} if name}
    answers: list[Answer] = []
    async with aiohttp.ClientSession(
        load["url"],
        connector=aiohttp.TCPConnector(limit=load["connections"]),
        timeout=aiohttp.ClientTimeout(total=_TIME_LIMIT_S),
    ) as session:
        start = time.perf_counter()

        async def send(ask: dict[str, str], began: float) -> None:
            """`began` is of the process's clock."""
            status = await _status(session, ask, bodies.get(ask["body"]))
            answers.append((status, began - start, time.perf_counter() - began))

        if load["rate"] is None:
            asks = iter(load["asks"])
            await asyncio.gather(*(_closed(asks, send) for _ in range(load["connections"])))
        else:
            await _open(load["asks"], load["rate"], send)
    return answers


async def _closed(asks: Iterator[dict[str, str]], send: Send) -> None:
    for ask in asks:
        await send(ask, time.perf_counter())


async def _open(asks: list[dict[str, str]], rate: float, send: Send) -> None:
    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, ask in enumerate(asks):
            intended = start + number / rate
            await asyncio.sleep(intended - time.perf_counter())
            tasks.create_task(send(ask, intended))  # type: ignore[arg-type]


async def _status(session: aiohttp.ClientSession, ask: dict[str, str], body: bytes | None) -> int:
    headers = _JPEG if body is not None else None
    try:
        async with session.request(ask["method"], ask["path"], data=body, headers=headers) as response:
            await response.read()
            return response.status
    except (aiohttp.ClientError, TimeoutError):
        return _NO_ANSWER


if __name__ == "__main__":
    main()
