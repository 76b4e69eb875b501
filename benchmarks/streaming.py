"""`python -m benchmarks.streaming`: how much memory the worker itself takes while a huge blob goes through it.

Its children, which decode and measure, have limits of their own and are not counted.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.media import MIB, clip, padded, zeros
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, verdict, write_json

AIM_MIB = 64
SAMPLE_EVERY_S = 0.01
WITHIN_S = 900.0
CLIP_S = 1
# The largest blob that the worker takes by default.
MOST_MIB = 4095
_REST_S = 1.0
_KIB = 1024

HOW_TO_READ = """\
idle       resident memory of the worker after one small video
peak       the most while the blob went through; difference: peak beyond idle; after: idle again
  <step>   the most within that step of the worker
"""


@dataclass(frozen=True)
class Huge:
    """A kind of huge blob, how it is made, and how its job has to end."""

    what: str
    make: Callable[[Path, int], Path]
    state: str


def _video(target: Path, size: int) -> Path:
    return padded(clip(CLIP_S), target, size)


KINDS = (Huge("video with a huge gap", _video, "succeeded"), Huge("no video at all", zeros, "failed"))


@dataclass
class Watched:
    """Resident memory of a process: samples (Unix time, bytes), and the kernel's own high-water mark."""

    samples: list[tuple[float, int]] = field(default_factory=list)
    high_water: int = 0

    @property
    def peak(self) -> int:
        return max([self.high_water, *(size for _, size in self.samples)])

    def peak_between(self, since: float, until: float) -> int | None:
        """The largest sample; None where none was taken in so short a time."""
        return max((size for at, size in self.samples if since <= at <= until), default=None)


@click.command()
@click.option("--mb", "mebibytes", type=click.IntRange(4, MOST_MIB), default=1024, show_default=True, help="In MiB.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(mebibytes: int, json_file: Path | None) -> None:
    """Measure the worker's memory, idle and with a huge blob; takes twice the blob's size on disk meanwhile."""
    console = new_console()
    if not Path("/proc/self/status").is_file():
        raise click.ClickException("this reads /proc, which only Linux has")

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("starting") as status:
            told = [_measure(kind, mebibytes * MIB, status.update) for kind in KINDS]
        _show(console, mebibytes, told)
        figures = {"benchmark": "streaming", "machine": facts, "note": LOAD_DISTORTS}
        write_json(json_file, figures | {"blob_mib": mebibytes, "aim_mib": AIM_MIB, "blobs": told})

    run_benchmark(console, measure)


def _measure(kind: Huge, size: int, say: Callable[[str], None]) -> dict[str, Any]:
    """One blob through a stack of its own: a worker that has done one small video, a disk that is freed at once."""
    say(f"{kind.what}: starting")
    with running_site(storage_in_memory=False) as site, scratch_folder() as folder:
        worker = site.stack.worker(0).process_id
        # Libraries that are loaded with the first video stay; they are no blob's doing.
        site.finished(site.submit(clip(CLIP_S), "video"), WITHIN_S)
        time.sleep(_REST_S)
        idle = resident(worker)
        say(f"{kind.what}: in work")
        blob = kind.make(folder / "huge.mp4", size)
        with _watched(worker) as watched:
            job = site.finished(site.submit(blob, "video"), WITHIN_S, look_every_s=0.2)
        if job["state"] != kind.state:
            raise click.ClickException(f"the job of the {kind.what} ended as {job['state']}: {job['error']}")
        time.sleep(_REST_S)
        after = resident(worker)
        difference = watched.peak - idle
        return {
            "what": kind.what,
            "state": job["state"],
            "error": (job["error"] or {}).get("code"),
            "idle_mib": idle / MIB,
            "peak_mib": watched.peak / MIB,
            "difference_mib": difference / MIB,
            "after_mib": after / MIB,
            "met": difference <= AIM_MIB * MIB,
            "peak_by_step_mib": _by_step(site, watched),
            "seconds": _seconds(job["times"]),
        }


def resident(process_id: int) -> int:
    """Resident memory in bytes."""
    return _status(process_id, "VmRSS")


def _status(process_id: int, name: str) -> int:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _KIB
    raise click.ClickException(f"the kernel tells no {name} of the worker")


@contextmanager
def _watched(process_id: int) -> Iterator[Watched]:
    """Watch a process's resident memory while the block runs."""
    watched = Watched()
    done = threading.Event()

    def sample() -> None:
        with suppress(OSError, click.ClickException):
            while not done.wait(SAMPLE_EVERY_S):
                watched.samples.append((time.time(), resident(process_id)))

    is_reset = _reset_high_water(process_id)
    thread = threading.Thread(target=sample, name="memory", daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        done.set()
        thread.join()
    if is_reset:
        watched.high_water = _status(process_id, "VmHWM")


def _reset_high_water(process_id: int) -> bool:
    """Let the kernel's mark begin anew (proc(5), clear_refs); where it does not, the samples have to do."""
    try:
        Path(f"/proc/{process_id}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _by_step(site: Site, watched: Watched) -> dict[str, float]:
    """Which step took how much: the worker logs each one's end and length."""
    peaks: dict[str, float] = {}
    for line in site.stack.worker(0).log_since_start().splitlines():
        with suppress(ValueError):
            fields = json.loads(line)
            if fields.get("event") == "job.step":
                until = datetime.fromisoformat(fields["time"]).timestamp()
                peak = watched.peak_between(until - float(fields["duration_s"]), until)
                if peak is not None:
                    peaks[str(fields["step"])] = peak / MIB
    return peaks


def _seconds(times: dict[str, str]) -> float:
    return (datetime.fromisoformat(times["finished"]) - datetime.fromisoformat(times["started"])).total_seconds()


def _show(console: Console, mebibytes: int, told: list[dict[str, Any]]) -> None:
    table = Table(title=f"the worker's memory, blob of {mebibytes} MiB")
    table.add_column("MiB")
    for each in told:
        table.add_column(each["what"], justify="right")
    for name in ("idle", "peak", "difference", "after"):
        table.add_row(name, *(f"{each[f'{name}_mib']:.1f}" for each in told))
    table.add_row(f"aim: at most {AIM_MIB} beyond idle", *(verdict(each["met"]) for each in told))
    for step in dict.fromkeys(step for each in told for step in each["peak_by_step_mib"]):
        peaks = [each["peak_by_step_mib"].get(step) for each in told]
        table.add_row(f"  {step}", *("-" if peak is None else f"{peak:.1f}" for peak in peaks))
    table.add_row("seconds in the worker", *(f"{each['seconds']:.1f}" for each in told))
    table.add_row("outcome", *(f"{each['state']} {each['error'] or ''}".strip() for each in told))
    console.print(table)
    console.print(HOW_TO_READ + LOAD_DISTORTS)


if __name__ == "__main__":
    main()
