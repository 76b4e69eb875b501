"""Shared by the commands that call a remote service: its address, the key, and the progress display."""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.progress import Progress, TaskID

from service.cli.output import bars, closing_line, echo_json, measured, shown
from service.cli.startup import EXIT_FAILED, Refused
from service.client.client import Client
from service.client.models import ClientError, RemoteJob
from service.client.send import Sent

_JOB_ID = re.compile(r"[0-9a-f]{32}")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NoJobs(ClientError):
    """The container has no jobs, or none yet."""

    code = "no_jobs"


with_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, and no progress bars.")
with_at_once = click.option(
    "--at-once", type=click.IntRange(1, 32), default=8, show_default=True, help="Files transferred at once."
)
with_report = click.option(
    "--report/--no-report", "report", default=True, show_default=True, help="Also download the reports."
)


def with_service(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--url` and `--key-file` to a command, and call it with the client and an event that ends its waiting."""

    @click.option("--url", envvar="SERVICE_URL", required=True, help="Address of the service, or SERVICE_URL.")
    @click.option(
        "--key-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File with the API key; else SERVICE_API_KEY. Never an argument: others could read it.",
    )
    # Hidden, so that it is read from the environment alone.
    @click.option("--key", envvar="SERVICE_API_KEY", default="", hidden=True, expose_value=True)
    @wraps(command)
    def with_client(url: str, key_file: Path | None, key: str, **others: Any) -> None:
        stop = threading.Event()
        try:
            client = Client(url, _key(url, key_file, key), stop=stop)
        except ValueError as error:
            raise Refused(f"--url: {error}") from error
        with client, exit_on_error():
            command(client=client, stop=stop, **others)

    return with_client


def _key(url: str, key_file: Path | None, key: str) -> str:
    found = _read(key_file) if key_file else key.strip()
    if found and urlsplit(url).scheme == "http" and urlsplit(url).hostname not in _LOOPBACK:
        click.echo("Warning: the key travels unencrypted; use https", err=True)
    return found


def _read(key_file: Path) -> str:
    """Read the key of a file. Raises Refused."""
    try:
        return key_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"--key-file: {key_file} cannot be read as text") from error


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print a client error in one sentence and end the process with exit code 1."""
    try:
        yield
    except ClientError as error:
        click.echo(f"Error: {shown(str(error))} ({error.code})", err=True)
        sys.exit(EXIT_FAILED)


def jobs_of(client: Client, names: tuple[str, ...]) -> Iterator[RemoteJob]:
    """Yield the jobs that ids and containers name, each once. Raises NoJobs where a container has none."""
    seen: set[str] = set()
    for name in names:
        found = iter([client.job(name)]) if _JOB_ID.fullmatch(name) else client.jobs(container=name)
        first = next(found, None)
        if first is None:
            raise NoJobs(f"container {name!r} has no jobs")
        for job in (first, *found):
            if job.id not in seen:
                seen.add(job.id)
                yield job


@dataclass
class ProgressDisplay:
    """A progress bar for each file in hand and one for all, or lines of JSON.

    Safe to call from several threads.
    """

    progress: Progress
    whole: TaskID
    as_json: bool
    tasks: dict[str, TaskID] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    outcomes: Counter[str] = field(default_factory=Counter)

    def watch(self, name: str, what: str, share: float) -> None:
        """Update the file's bar."""
        with self.lock:
            if name not in self.tasks:
                self.tasks[name] = self.progress.add_task("", total=1.0, one_file=True)
            self.progress.update(self.tasks[name], completed=share, description=f"{shown(name, 40)} ({what})")

    def done(self, sent: Sent) -> None:
        """Remove the file's bar and print its outcome."""
        with self.lock:
            self.outcomes[sent.outcome] += 1
            if sent.name in self.tasks:
                self.progress.remove_task(self.tasks.pop(sent.name))
            self.progress.advance(self.whole)
        if self.as_json:
            echo_json(sent.as_dict())
        else:
            self.progress.console.print(_line(sent), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_display(
    count: int, *, as_json: bool, out: Path | None = None, left_out: Sequence[str] = ()
) -> Iterator[ProgressDisplay]:
    """Show the progress of `count` files; end the process with exit code 1 if any failed.

    Args:
        out: folder of the results, for the line that says what comes next.
        left_out: reason for each file that is not among them.
    """
    with bars(hidden=as_json) as progress:
        display = ProgressDisplay(progress, progress.add_task("all", total=count), as_json)
        yield display
    if not as_json:
        click.echo(closing_line(display.outcomes, left_out, out))
    if display.outcomes["failed"]:
        sys.exit(EXIT_FAILED)


def _line(sent: Sent) -> str:
    name = shown(sent.name)
    if sent.error:
        return f"failed     {name}: {shown(next(iter(str(sent.error).splitlines()), ''))} ({sent.error.code})"
    if sent.manifest:
        return f"{sent.outcome:<10} {name}: {measured(sent.manifest)} -> {sent.csv}"
    return f"{sent.outcome:<10} {name}: job {sent.job.id}" if sent.job else f"{sent.outcome:<10} {name}"
