"""`python -m benchmarks.abuse`: what the web server withstands, and whether it answers `/healthz` all the while.

Each case misuses a running service of two processes over the loopback interface for some seconds, while another
process asks `/healthz` over new connections. Nothing else is asked of the machine, and each case is bounded.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import numpy as np
import psutil
from sqlalchemy import select

from benchmarks.bound import Bound
from benchmarks.burst import CONTENT, NO_LIMIT
from benchmarks.crowd import TINY_WINDOW, Address, answered, are_open, connected, drip, send_to_all, sip
from benchmarks.grid import Grid
from benchmarks.interactive import DETECT, detect_picture
from benchmarks.judged import Judged, show_and_write
from benchmarks.kept_connection import KeptConnection
from benchmarks.media import MIB
from benchmarks.search import AT_ONCE, fill, made_up
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.stack import REPOSITORY
from service.identity.galleries import Galleries
from service.identity.store import Store, default_url, faces

MEDIAN_S, WORST_S = 0.3, 1.0
MEMORY_MIB = 64
FACES, SEARCHES_AT_ONCE, DETECTIONS_AT_ONCE = 100_000, 4, 20
SHARED, SHARE = 64, 1 / 3
LEAD_S = 1.0
ANSWER_S = 20.0
ANONYMOUS = "anonymous"
STATIC = "/docs/swagger/js/swagger-ui-bundle.js"
STATIC_TIMES = 8
"""Requests for it on one connection, one behind the other: the kernel alone buffers up to 4 MiB of answers."""
SETTLE_S = 2.0
"""Pause between two cases, in which the server finishes what it still does for clients that have left."""
HOST_LINE = b"Host: abuse\r\n"
PIECE = bytes(MIB)

Words = Callable[[], str]


@dataclass(frozen=True)
class Case:
    """A way to misuse the server; `made` starts it, and yields what tells how it went."""

    name: str
    made: AbstractAsyncContextManager[Words]
    hold_s: float


@dataclass(frozen=True)
class Measured:
    """How `/healthz` was answered during a case, in seconds."""

    name: str
    asked: int
    median_s: float
    worst_s: float
    words: str


@click.command()
@click.option("--hold-s", type=click.FloatRange(1), default=6.0, show_default=True, help="Length of most cases.")
@click.option("--mb", "mebibytes", type=click.IntRange(4, 4095), default=1024, show_default=True, help="Of the upload.")
@click.option("--faces", "count", type=click.IntRange(1), default=FACES, show_default=True, help="In the gallery.")
@click.option("--only", multiple=True, help="A part of the name of the cases to run; default: all.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(hold_s: float, mebibytes: int, count: int, only: tuple[str, ...], json_file: Path | None) -> None:
    """Misuse the web server, and watch its health."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        measured: list[Measured] = []
        figures: list[Judged] = []
        with scratch_folder() as folder:
            database, token = _gallery(folder, count)
            environ = {"IDENTITY": "on", "IDENTITY_LEGACY": "on", "IDENTITY_DATABASE": database, "WEB_WORKERS": "2"}
            with running_site(NO_LIMIT | environ, workers=0, storage_in_memory=False) as site:
                for case in _cases(site, folder, token, hold_s, mebibytes, figures):
                    if not only or any(part in case.name for part in only):
                        measured.append(asyncio.run(_measured(site, case)))
                        time.sleep(SETTLE_S)
                        console.print(_line(measured[-1]))
        figures[:0] = [figure for each in measured for figure in _judged(each)]
        show_and_write(console, json_file, "abuse", facts, figures, [_grid(measured)])

    run_benchmark(console, measure)


def _cases(
    site: Site, folder: Path, token: str, hold_s: float, mebibytes: int, figures: list[Judged]
) -> Iterator[Case]:
    place = urlsplit(site.stack.service_url)
    address = str(place.hostname), int(place.port or 80)
    yield Case("nothing else", _nothing(), hold_s)
    yield Case("500 idle connections", _idle(address, 500), hold_s)
    yield Case("200 half-sent requests, a byte now and then", _half_sent(address, 200), hold_s)
    yield Case("200 slow readers of a large static file", _slow_readers(address, 200), hold_s)
    yield Case("300 event streams", _event_streams(site, address, 300), hold_s)
    yield Case("100 requests that wait for an answer", _waiting(site, address, 100, hold_s), hold_s)
    yield Case("burst of 900 connections", _burst(address, 900), hold_s / 2)
    yield Case(f"upload of {mebibytes:,} MiB", _upload(site, address, mebibytes, figures), 0)
    yield Case("20 detections at once", _detections(site, folder), hold_s)
    yield Case(f"searches, {SEARCHES_AT_ONCE} at once", _searches(site, token), hold_s)
    yield Case("both", _both(_detections(site, folder), _searches(site, token)), hold_s)
    yield Case(f"{SHARED} connections that stay", _share(site, address, figures), 1.0)


async def _measured(site: Site, case: Case) -> Measured:
    """Hold a case, and watch the server from a second before."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.health_child", site.stack.service_url),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=MIB,
    )
    assert child.stdout and child.stdin
    await child.stdout.readline()
    await asyncio.sleep(LEAD_S)
    async with case.made as words:
        await asyncio.sleep(case.hold_s)
        child.stdin.close()
        answers = json.loads(await child.stdout.readline())
        await child.wait()
        told = words()
    times = [seconds for _, seconds in answers]
    site.stack.check()
    return Measured(case.name, len(times), statistics.median(times), max(times), told)


@asynccontextmanager
async def _nothing() -> AsyncIterator[Words]:
    yield lambda: ""


@asynccontextmanager
async def _idle(address: Address, count: int) -> AsyncIterator[Words]:
    async with connected(address, count) as clients:
        yield lambda: f"{len(clients)} connected, {are_open(clients)} open at the end"


@asynccontextmanager
async def _half_sent(address: Address, count: int) -> AsyncIterator[Words]:
    picture = b"POST /api/detect HTTP/1.1\r\n" + HOST_LINE + b"Content-Type: image/png\r\n"
    beginnings = [
        b"G",
        b"GET /jobs HTT",
        b"GET /jobs HTTP/1.1\r\n" + HOST_LINE + b"X-Slow: ",
        picture + b"Content-Length: 1000\r\n\r\nabc",
        picture + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nabc",
    ]
    async with connected(address, count) as clients:
        await send_to_all(clients, beginnings)
        async with _background(drip(clients, b"x", 0.5)):
            yield lambda: f"{len(clients)} connected, {are_open(clients)} open and unanswered at the end"


@asynccontextmanager
async def _slow_readers(address: Address, count: int) -> AsyncIterator[Words]:
    async with connected(address, count, receive_buffer=TINY_WINDOW) as clients:
        asked = f"GET {STATIC} HTTP/1.1\r\n".encode() + HOST_LINE + b"\r\n"
        await send_to_all(clients, [asked * STATIC_TIMES])
        async with _background(sip(clients, 64, 0.25)):
            yield lambda: f"{len(clients)} connected, {are_open(clients)} being answered at the end"


@asynccontextmanager
async def _event_streams(site: Site, address: Address, count: int) -> AsyncIterator[Words]:
    _, job_id = _job(site)
    async with connected(address, count) as clients:
        await send_to_all(clients, [f"GET /jobs/{job_id}/events HTTP/1.1\r\n".encode() + HOST_LINE + b"\r\n"])
        times = await answered(clients, b"event: job", ANSWER_S)
        yield lambda: _answers(times, len(clients), "follow the job")


@asynccontextmanager
async def _waiting(site: Site, address: Address, count: int, hold_s: float) -> AsyncIterator[Words]:
    path, _ = _job(site)
    async with connected(address, count) as clients:
        asked = f"POST {path} HTTP/1.1\r\nPrefer: wait={hold_s:.0f}\r\n".encode() + HOST_LINE + b"\r\n"
        await send_to_all(clients, [asked])
        yield lambda: f"{are_open(clients)} of {len(clients)} open at the end"


@asynccontextmanager
async def _burst(address: Address, count: int) -> AsyncIterator[Words]:
    began = time.monotonic()
    async with connected(address, count) as clients:
        await send_to_all(clients, [b"GET /healthz HTTP/1.1\r\n" + HOST_LINE + b"\r\n"])
        connected_s = time.monotonic() - began
        times = await answered(clients, b'"ok"', ANSWER_S)
        yield lambda: f"{_answers(times, len(clients), 'answered')}, {connected_s:.2f} s to connect"


@asynccontextmanager
async def _upload(site: Site, address: Address, mebibytes: int, figures: list[Judged]) -> AsyncIterator[Words]:
    before = _largest(site)
    peak = before

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, _largest(site))
            await asyncio.sleep(0.05)

    async with _background(watch()):
        began = time.monotonic()
        status = await asyncio.to_thread(_put, address, mebibytes)
        seconds = time.monotonic() - began
    more = (peak - before) / MIB
    figures.append(Judged(f"upload of {mebibytes:,} MiB, memory", "MiB more", more, Bound(at_most=MEMORY_MIB)))
    yield lambda: f"status {status} in {seconds:.1f} s, {more:.1f} MiB more in the largest process"


@asynccontextmanager
async def _detections(site: Site, folder: Path) -> AsyncIterator[Words]:
    picture = detect_picture(folder / "face.jpg").read_bytes()
    async with _closed_loop(site, "POST", DETECT, DETECTIONS_AT_ONCE, picture) as statuses:
        yield lambda: f"detections: {_counted(statuses)}"


@asynccontextmanager
async def _searches(site: Site, token: str) -> AsyncIterator[Words]:
    path = f"/search?face_token={token}&threshold=0.65"
    async with _closed_loop(site, "GET", path, SEARCHES_AT_ONCE) as statuses:
        yield lambda: f"searches: {_counted(statuses)}"


@asynccontextmanager
async def _both(
    one: AbstractAsyncContextManager[Words], other: AbstractAsyncContextManager[Words]
) -> AsyncIterator[Words]:
    async with one as first, other as second:
        yield lambda: f"{first()}; {second()}"


@asynccontextmanager
async def _share(site: Site, address: Address, figures: list[Judged]) -> AsyncIterator[Words]:
    async with connected(address, SHARED) as clients:
        await send_to_all(clients, [b"GET /healthz HTTP/1.1\r\n" + HOST_LINE + b"\r\n"])
        await answered(clients, b'"ok"', ANSWER_S)
        held = _holders(site, {client.getsockname()[1] for client in clients})
        fewest = None if held is None else min(held.values()) / SHARED if len(held) > 1 else 0.0
        figures.append(Judged(f"{SHARED} connections, the smaller share", "of all", fewest, Bound(at_least=SHARE)))
        counts = "root alone sees how many" if held is None else " and ".join(map(str, sorted(held.values())))
        yield lambda: f"{counts} by process"


@asynccontextmanager
async def _closed_loop(
    site: Site, method: str, path: str, at_once: int, body: bytes | None = None
) -> AsyncIterator[Counter[int]]:
    """Ask on some connections, again as soon as there is an answer; yields the statuses so far."""
    statuses: Counter[int] = Counter()
    lock, is_over = threading.Lock(), threading.Event()

    def go_on() -> None:
        with KeptConnection(site.stack.service_url, timeout_s=60) as connection:
            while not is_over.is_set():
                status = connection.status(method, path, body)
                with lock:
                    statuses[status] += 1

    with ThreadPoolExecutor(at_once) as threads:
        loops = [asyncio.get_running_loop().run_in_executor(threads, go_on) for _ in range(at_once)]
        try:
            yield statuses
        finally:
            is_over.set()
            await asyncio.gather(*loops)


@asynccontextmanager
async def _background(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _job(site: Site) -> tuple[str, str]:
    """A new job that no worker takes: the path that asks for it, and its id."""
    container, blob = str(uuid.uuid4()), "face.jpg"
    site.storage.create_container(container).upload_blob(blob, CONTENT)
    path = f"/analyse/image/wild/{container}?blob={blob}"
    with closing(_connection(site)) as connection:
        connection.request("POST", path)
        return path, str(json.loads(connection.getresponse().read())["jobs"][0]["id"])


def _connection(site: Site) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(site.stack.service_url).netloc, timeout=ANSWER_S)


def _put(address: Address, mebibytes: int) -> int:
    """Upload a video of zeros; the status."""
    path = f"/uploads/{uuid.uuid4()}?blob=huge.mp4"
    headers = {"Content-Type": "video/mp4", "Content-Length": str(mebibytes * MIB)}
    with closing(http.client.HTTPConnection(*address, timeout=600)) as connection:
        connection.request("PUT", path, (PIECE for _ in range(mebibytes)), headers)
        return connection.getresponse().status


def _gallery(folder: Path, count: int) -> tuple[str, str]:
    """A database with a gallery of made-up faces: its URL, and the token of one of them."""
    url = default_url(Path(tempfile.mkdtemp(dir=folder)))
    random = np.random.default_rng(1)
    with closing(Store(url)) as store:
        person = Galleries(store).enrol(ANONYMOUS, "made up", "none", None, []).id
        for begin in range(0, count, AT_ONCE):
            fill(store, person, made_up(random, min(AT_ONCE, count - begin)), gallery=ANONYMOUS)
        with store.reading() as connection:
            return url, str(connection.scalar(select(faces.c.token).limit(1)))


def _processes(site: Site) -> list[psutil.Process]:
    """The server's, without the children that look at pictures."""
    first = psutil.Process(site.stack.web.process_id)
    return [first, *(child for child in first.children() if "service" in child.cmdline())]


def _largest(site: Site) -> int:
    return max(process.memory_info().rss for process in _processes(site))


def _holders(site: Site, ports: set[int]) -> Counter[int] | None:
    """How many connections from these ports each process holds; None where its user may not see that."""
    try:
        return Counter(
            process.pid
            for process in _processes(site)
            for connection in process.net_connections("tcp")
            if connection.raddr and connection.raddr.port in ports
        )
    except psutil.AccessDenied:
        return None


def _answers(times: list[float], count: int, what: str) -> str:
    last = f", the last after {times[-1]:.2f} s" if times else ""
    return f"{len(times)} of {count} {what}{last}"


def _counted(statuses: Counter[int]) -> str:
    return ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(statuses.items()))


def _judged(measured: Measured) -> list[Judged]:
    what = f"/healthz: {measured.name}"
    return [
        Judged(f"{what}, median", "s", measured.median_s, Bound(at_most=MEDIAN_S)),
        Judged(f"{what}, worst", "s", measured.worst_s, Bound(at_most=WORST_S)),
    ]


def _line(each: Measured) -> str:
    return f"{each.name}: median {each.median_s:.3f} s, worst {each.worst_s:.3f} s of {each.asked}; {each.words}"


def _grid(measured: list[Measured]) -> Grid:
    rows = [(m.name, str(m.asked), f"{m.median_s:.3f}", f"{m.worst_s:.3f}", m.words) for m in measured]
    return Grid("/healthz meanwhile, in seconds", ("", "asked", "median", "worst", "what came of it"), rows)


if __name__ == "__main__":
    main()
