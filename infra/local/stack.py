"""Run the whole pipeline on this machine: storage, web, workers and function app, each in its own process.

Separate because the demo, the foreground stack and the tests all start the same parts in the same order.
"""

import fcntl
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from infra.local.azurite import Azurite
from infra.local.function_runner.http_routes import STATUS_PATH
from infra.local.loopback import HOST, free_port, http_status
from infra.local.part import Part, PartFailed

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_RUN_FOLDER = REPOSITORY / ".local"
ADDRESSES_FILE = "stack.json"

# Nothing else of the caller's environment reaches the parts: a stray setting there would send
# the local stack to somebody's real storage account.
_PASSED_ON = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
# The default grace of a worker for the item in hand is 20 s; killing it sooner would cost an attempt.
_WORKER_GRACE_S = 30.0


@dataclass(frozen=True)
class StackOptions:
    """How to start the stack.

    Attributes:
        access_log: storage writes a line for each request into its log; always where the function runner follows it.
        storage_in_memory: nothing that is stored outlives the stack, nor waits for a disk.
        extra_env: goes to web, workers and function runner alike.
        one_cpu_each: binds each worker to one processor of its own, in turn.
        storage_route: maps storage's connection string to the one that the parts are given, as through a proxy.
    """

    run_folder: Path = DEFAULT_RUN_FOLDER
    workers: int = 1
    web_port: int = 0
    with_functions: bool = True
    access_log: bool = False
    storage_in_memory: bool = False
    extra_env: Mapping[str, str] = field(default_factory=dict)
    ready_within_s: float = 60.0
    one_cpu_each: bool = False
    storage_route: Callable[[str], str] = str


def inherited_environ() -> dict[str, str]:
    """Select the variables that a part inherits."""
    return {key: os.environ[key] for key in _PASSED_ON if key in os.environ}


class LocalStack:
    """A context manager: inside it every part is ready, after it none is left."""

    def __init__(self, options: StackOptions | None = None) -> None:
        self.options = options or StackOptions()
        self.run_folder = self.options.run_folder.resolve()
        self.logs = self.run_folder / "logs"
        self.azurite = Azurite(
            self.run_folder / "azurite",
            self.logs / "azurite.log",
            access_log=self.options.access_log or self.options.with_functions,
            in_memory=self.options.storage_in_memory,
        )
        self.function_key = secrets.token_urlsafe(24)
        self._web_port = self._functions_port = 0
        self._given_connection_string = ""
        self._web: Part | None = None
        self._workers: list[Part] = []
        self._functions: Part | None = None
        self._lock: IO[str] | None = None

    @property
    def connection_string(self) -> str:
        """The connection string of the storage emulator."""
        return self.azurite.connection_string

    @property
    def service_url(self) -> str:
        """The address of the web server."""
        return f"http://{HOST}:{self._web_port}"

    @property
    def functions_url(self) -> str:
        """The address of the function app's HTTP triggers, which are under `/api/`."""
        return f"http://{HOST}:{self._functions_port}"

    @property
    def web(self) -> Part:
        """The web server."""
        return _started("web", self._web)

    @property
    def functions(self) -> Part:
        """The function runner."""
        return _started("functions", self._functions)

    def worker(self, number: int) -> Part:
        """One of the workers, counted from 0."""
        return self._workers[number]

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Raise PartFailed for a part that ended by itself; one stopped or killed from here is no failure."""
        for part in self._parts():
            part.check()

    def stop(self) -> None:
        """Stop in the order of the flow: no new events, no new requests, no work, then no storage."""
        with ExitStack() as steps:
            # The last one entered is the first one run, and one that fails does not keep the others from it.
            steps.callback(self._release)
            steps.callback(self.azurite.stop)
            for part in self._workers:
                steps.callback(part.stop)
            for stopped in (self._web, self._functions):
                if stopped is not None:
                    steps.callback(stopped.stop)

    def _start(self) -> None:
        self._claim_run_folder()
        self.azurite.start()
        self._given_connection_string = self.options.storage_route(self.connection_string)
        # Chosen only now: the longer a free port waits, the likelier someone else takes it.
        self._web_port, self._functions_port = free_port(self.options.web_port), free_port()
        self._web = self._web_part()
        self._workers = [self._worker_part(number) for number in range(self.options.workers)]
        self._functions = self._functions_part() if self.options.with_functions else None
        children = [self._web, *self._workers, *([self._functions] if self._functions else [])]
        for part in children:
            part.spawn()
        for part in children:
            part.wait_ready()
        self._write_addresses()

    def _parts(self) -> Iterator[Part]:
        yield self.azurite.part
        if self._web is not None:
            yield self._web
        yield from self._workers
        if self._functions is not None:
            yield self._functions

    def _web_part(self) -> Part:
        workspace = str(self.run_folder / "web-workspace")
        environ = {"HOST": HOST, "PORT": str(self._web_port), "WORKSPACE": workspace}
        ready_url = f"{self.service_url}/readyz"
        return self._part("web", ["service", "web"], environ, lambda _: http_status(ready_url) == 200)

    def _worker_part(self, number: int) -> Part:
        name = f"worker-{number}"
        workspace = self.run_folder / f"workspace-{number}"
        workspace.mkdir(parents=True, exist_ok=True)
        environ = {"WORKSPACE": str(workspace), "WORKER_NAME": name}
        return self._part(
            name,
            ["service", "worker"],
            environ,
            lambda part: "worker.ready" in part.log_since_start(),
            grace_s=_WORKER_GRACE_S,
            cpus=self._cpu_of(number) if self.options.one_cpu_each else frozenset(),
        )

    @staticmethod
    def _cpu_of(number: int) -> frozenset[int]:
        usable = sorted(os.sched_getaffinity(0))
        return frozenset({usable[number % len(usable)]})

    def _functions_part(self) -> Part:
        environ = {
            "SERVICE_URL": self.service_url,
            "MEDIA_STORAGE": self._given_connection_string,
            "FUNCTION_KEY": self.function_key,
        }
        state = str(self.run_folder / "delivered.json")
        argv = ["infra.local.runner", "--state", state, "--port", str(self._functions_port)]
        argv += ["--access-log", str(self.azurite.part.log_file)]
        status_url = f"{self.functions_url}{STATUS_PATH}"
        return self._part("functions", argv, environ, lambda _: http_status(status_url) == 200)

    def _part(
        self,
        name: str,
        module: Sequence[str],
        environ: Mapping[str, str],
        is_ready: Callable[[Part], bool],
        *,
        grace_s: float = 15.0,
        cpus: frozenset[int] = frozenset(),
    ) -> Part:
        common = {
            "PYTHONUNBUFFERED": "1",
            # As in the image: with an arena for each of its many threads, a worker keeps 20 MB that nothing uses.
            "MALLOC_ARENA_MAX": "2",
            "LOG_FORMAT": "json",
            "AZURE_STORAGE_CONNECTION_STRING": self._given_connection_string,
        }
        return Part(
            name,
            [sys.executable, "-m", *module],
            log_file=self.logs / f"{name}.log",
            environ=inherited_environ() | common | dict(environ) | dict(self.options.extra_env),
            is_ready=is_ready,
            ready_within_s=self.options.ready_within_s,
            grace_s=grace_s,
            folder=REPOSITORY,
            cpus=cpus,
        )

    def _claim_run_folder(self) -> None:
        self.run_folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.run_folder / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            self._lock = None
            raise PartFailed("stack", f"is running already in {self.run_folder}", "") from error

    def _write_addresses(self) -> None:
        file = self.run_folder / ADDRESSES_FILE
        # A process that waits for the file must never read half of it.
        beside = file.with_suffix(".new")
        beside.touch(mode=0o600)
        addresses = {
            "service_url": self.service_url,
            "functions_url": self.functions_url,
            "function_key": self.function_key,
            "connection_string": self.connection_string,
        }
        beside.write_text(json.dumps(addresses, indent=2))
        beside.replace(file)

    def _release(self) -> None:
        if self._lock is None:
            return
        (self.run_folder / ADDRESSES_FILE).unlink(missing_ok=True)
        self._lock.close()
        self._lock = None


def _started(name: str, part: Part | None) -> Part:
    if part is None:
        raise PartFailed(name, "is not running", "")
    return part
