"""One run: the parts, the clients and the faults side by side until all is quiet, then the evidence and the verdict."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError

from infra.local.stack import REPOSITORY, LocalStack, StackOptions
from tests.campaigns.chaos import evidence
from tests.campaigns.chaos.clients import Clients, Plan
from tests.campaigns.chaos.clocks import Clocks
from tests.campaigns.chaos.csv_watch import CsvWatch
from tests.campaigns.chaos.disk import small_disk
from tests.campaigns.chaos.engine_of_run import EngineOfRun
from tests.campaigns.chaos.evidence import Evidence
from tests.campaigns.chaos.faults import Faults, Schedule
from tests.campaigns.chaos.ledger import Ledger
from tests.campaigns.chaos.load import make_media
from tests.campaigns.chaos.storage_proxy import STORMS, StorageProxy
from tests.campaigns.chaos.verdict import Broken, Case, judge

FINISHED = {"succeeded", "failed", "superseded", "cancelled"}
LOOK_S = 0.5
SETTLE_S = 10.0
FAULTS_AFTER_S = 45.0
"""How long faults go on when clients have done everything."""
LATE_S = 15.0
CHANGED = 0.06


@dataclass(frozen=True)
class Options:
    """What a run is made of; `schedule.full_worker` needs mounts of one's own.

    Attributes:
        over_s: seconds over which the uploads are spread.
        engine_faults: share of the engine's runs that end in each of its faults.
        within_s: how long the whole may take.
    """

    seed: int
    media: int
    containers: int
    workers: int
    over_s: float
    lease_s: int
    engine_faults: float
    engine_time_limit_s: float
    within_s: float
    schedule: Schedule


@dataclass
class Outcome:
    """What the report tells.

    Attributes:
        swept: kinds of what the sweeper found, before it mended; nothing but leftovers may be there.
        storms: requests that met a storm's fault, by its kind.
        has_clocks: the parts' clocks could be stepped.
    """

    options: Options
    seconds: float = 0.0
    broken: list[Broken] = field(default_factory=list)
    clients: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    engine_faults: Counter[str] = field(default_factory=Counter)
    swept: Counter[str] = field(default_factory=Counter)
    storms: Counter[str] = field(default_factory=Counter)
    has_clocks: bool = False
    evidence: Evidence | None = None


def run(options: Options, run_folder: Path, say: Callable[[str], None]) -> Outcome:
    """Raises PartFailed where the stack does not even start."""
    began = time.monotonic()
    outcome = Outcome(options)
    engine = EngineOfRun.install(run_folder / "engine", options.seed, options.engine_faults)
    names = ["web", *(f"worker-{number}" for number in range(options.workers))]
    clocks = Clocks.install(run_folder / "clocks", names)
    outcome.has_clocks = clocks is not None
    with ExitStack() as parts:
        proxy = parts.enter_context(closing(StorageProxy(options.seed)))
        if options.schedule.full_worker is not None:
            parts.enter_context(small_disk(run_folder / f"workspace-{options.schedule.full_worker}"))
        stack = parts.enter_context(LocalStack(_stack_options(options, engine, run_folder, proxy, clocks)))
        case = _disturb(options, Disturbed(stack, proxy, clocks), outcome, say)
        say("quiet; sweeping")
        _sweep(stack, outcome)
        say("looking at what is left")
        outcome.evidence = found = _gather(stack)
        outcome.broken += judge(case, found)
    outcome.broken += [
        Broken("left over", f"after the end: process {number}: {words}")
        for number, words in evidence.processes(run_folder, frozenset())
    ]
    outcome.engine_faults = engine.faults()
    outcome.broken += _never_happened(outcome)
    outcome.seconds = time.monotonic() - began
    return outcome


@dataclass(frozen=True)
class Disturbed:
    """What faults act on."""

    stack: LocalStack
    proxy: StorageProxy
    clocks: Clocks | None


def _stack_options(
    options: Options, engine: EngineOfRun, run_folder: Path, proxy: StorageProxy, clocks: Clocks | None
) -> StackOptions:
    settings = {
        "OPENFACE_BIN_DIR": str(engine.folder),
        # The stand-in engine counts its runs beside itself, where a confined one may not write.
        "SANDBOX": "off",
        "LEASE_S": str(options.lease_s),
        "MAX_ATTEMPTS": "20",
        "ENGINE_TIME_LIMIT_S": str(options.engine_time_limit_s),
        "ENGINE_TIME_LIMIT_PER_MEDIA_S": "2",
        "SHUTDOWN_GRACE_S": "5",
        **(clocks.environ if clocks else {}),
    }
    return StackOptions(
        run_folder=run_folder,
        workers=options.workers,
        with_functions=False,
        extra_env=settings,
        storage_route=proxy.before,
    )


def _disturb(options: Options, parts: Disturbed, outcome: Outcome, say: Callable[[str], None]) -> Case:
    """The disturbed part of the run; afterwards every part runs, and nothing is done to it any more."""
    stack = parts.stack
    chance = random.Random(options.seed)
    ledger = Ledger()
    clients = Clients(stack.connection_string, stack.service_url, ledger, chance)
    watch = CsvWatch(stack.connection_string)
    faults = Faults(stack, options.schedule, options.seed, parts.proxy, parts.clocks)
    plan = Plan(
        make_media(options.media, chance), options.containers, options.over_s, min(options.over_s, LATE_S), CHANGED
    )
    watch.start()
    clients.start(plan)
    faults.start()
    try:
        quiet = _wait_until_quiet(stack, clients, faults, options.within_s, say)
    finally:
        clients.give_up()
        faults.stop()
        watch.stop()
    if not quiet:
        outcome.broken.append(Broken("lost", f"not quiet within {options.within_s:.0f} s"))
    outcome.broken += [Broken("part", trouble) for trouble in [*faults.trouble, *clients.refused]]
    outcome.clients, outcome.faults, outcome.storms = clients.counts, faults.counts, parts.proxy.counts
    return Case(
        ledger,
        watch.first,
        watch.moved,
        frozenset(faults.hostile),
        frozenset(faults.hostile_sent),
        parts.proxy.lost_poison_answers,
    )


def _wait_until_quiet(
    stack: LocalStack, clients: Clients, faults: Faults, within_s: float, say: Callable[[str], None]
) -> bool:
    deadline = time.monotonic() + within_s
    said, clients_done_at = 0.0, math.inf
    while time.monotonic() < deadline:
        time.sleep(LOOK_S)
        faults.look()
        if clients.are_done:
            clients_done_at = min(clients_done_at, time.monotonic())
        # A job that has met many faults waits for minutes before each further attempt.
        if faults.are_endless and time.monotonic() > clients_done_at + FAULTS_AFTER_S:
            faults.stop()
        try:
            states = Counter(job.state for job in evidence.jobs(stack.connection_string))
            waiting = evidence.messages(stack.connection_string)
        except AzureError:
            continue
        if time.monotonic() - said > 10:
            said = time.monotonic()
            say(f"{_in_words(states)}; {waiting} messages; {_in_words(faults.counts)}")
        if clients.are_done and faults.are_done and not waiting and states.keys() <= FINISHED:
            return True
    return False


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing yet"


def _sweep(stack: LocalStack, outcome: Outcome) -> None:
    """Report, then mend: what is found are leftovers of dead attempts at most, and all of it can be mended."""
    first = _swept(stack)
    outcome.swept = Counter(finding["kind"] for finding in first)
    outcome.broken += [Broken("lost", f"the sweeper found: {one}") for one in first if one["kind"] != "leftover"]
    mended = _swept(stack, "--mend")
    outcome.broken += [Broken("left over", f"not mended: {one}") for one in mended if not one["mended"]]
    if len(mended) != len(first):
        outcome.broken.append(Broken("left over", f"{len(first)} swept at first, {len(mended)} mended"))


def _swept(stack: LocalStack, *more: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "service", "sweep", "--grace-minutes", "0", "--json", *more]
    environ = {**os.environ, "AZURE_STORAGE_CONNECTION_STRING": stack.connection_string}
    done = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _gather(stack: LocalStack) -> Evidence:
    """Once what is ending anyway has ended."""
    parts = [stack.azurite.part, stack.web, *(stack.worker(n) for n in range(stack.options.workers))]
    known = frozenset(part.process_id for part in parts)
    deadline = time.monotonic() + SETTLE_S
    while any(evidence.processes(stack.run_folder, known)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return evidence.gather(stack.connection_string, stack.run_folder, known)


def _never_happened(outcome: Outcome) -> list[Broken]:
    """A run that was spared a fault proves nothing about it."""
    wanted = ["kills", "freezes", "web restarts", "web kills", "hostile messages"]
    if outcome.options.schedule.full_worker is not None:
        wanted.append("full disks")
    if outcome.has_clocks:
        wanted.append("clock steps")
    missing = [kind for kind in wanted if not outcome.faults[kind]]
    missing += [f"storms of {kind}" for kind in STORMS if not outcome.storms[kind]]
    if outcome.faults["outages"] < outcome.options.schedule.outages:
        missing.append("outages")
    return [Broken("part", f"the run was over before there were {kind}") for kind in missing]
