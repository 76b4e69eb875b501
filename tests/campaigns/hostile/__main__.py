"""`python -m tests.campaigns.hostile`: the whole corpus of hostile media through the real command (`make fuzz`)."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from rich.console import Console

from tests.campaigns.hostile.canaries import Canaries
from tests.campaigns.hostile.system_calls import can_trace
from tests.campaigns.hostile.walk import Sandbox, Walked, how_checked

AT_ONCE = 2
MOST_TOLD = 20
LEAST = 400


@click.command()
@click.option("--seed", type=int, help="Of an earlier run, to make the same media again.")
@click.option("--kind", "only", help="One kind of media only.")
@click.option("--keep", type=click.Path(path_type=Path), help="A new folder for the media, which stays.")
def fuzz(seed: int | None, only: str | None, keep: Path | None) -> None:
    """Run hostile media through the pipeline and say how each kind ended; exit code 1 where anything went wrong."""
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    console = Console(width=None if sys.stdout.isatty() else 150)
    traces, began = can_trace(), time.monotonic()
    console.print(f"seed {seed}\nchecked by {how_checked(traces)}", highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        root = (keep or Path(folder, "sandbox")).resolve()
        with Canaries(root / "canaries") as canaries:
            sandbox = Sandbox(root, canaries, traces)
            count = sandbox.make_corpus(seed)
            kinds = sorted(path.name for path in sandbox.media.iterdir() if only in (None, path.name))
            console.print(f"{count} media made", highlight=False)
            console.print(_row("kind", "n", "slowest s", "peak MiB", "ended how"), highlight=False)
            walked = []
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for one in pool.map(sandbox.walk, kinds):
                    walked.append(one)
                    console.print(_line(one), highlight=False)
    for one in walked:
        for fault in one.faults[:MOST_TOLD]:
            console.print(f"FAULT {one.kind}: {fault}", markup=False, highlight=False)
        if len(one.faults) > MOST_TOLD:
            console.print(f"FAULT {one.kind}: and {len(one.faults) - MOST_TOLD} more")
    seen = sum(sum(one.codes.values()) for one in walked)
    faults = sum(len(one.faults) for one in walked)
    minutes = (time.monotonic() - began) / 60
    console.print(f"{seen} of {count} media, {faults} faults, {minutes:.1f} minutes, seed {seed}", highlight=False)
    sys.exit(1 if faults or (not only and seen < LEAST) else 0)


def _line(one: Walked) -> str:
    how = ", ".join(f"{code} {number}" for code, number in one.codes.most_common())
    return _row(one.kind, str(sum(one.codes.values())), f"{one.slowest_s:.1f}", f"{one.peak_memory_bytes >> 20}", how)


def _row(kind: str, count: str, slowest: str, peak: str, how: str) -> str:
    return f"{kind:28} {count:>4} {slowest:>10} {peak:>9}  {how}"


if __name__ == "__main__":
    fuzz()
