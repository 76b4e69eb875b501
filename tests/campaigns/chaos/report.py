"""The table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.campaigns.chaos.engine_of_run import FAULTS
from tests.campaigns.chaos.run import Outcome
from tests.campaigns.chaos.storage_proxy import STORMS
from tests.campaigns.chaos.verdict import GUARANTEES

SHOWN_OF_EACH = 20


def table(outcome: Outcome) -> str:
    """Two columns: what, and how often; then what is broken, if anything is."""
    rows = list(_rows(outcome))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value:>6}" for name, value in rows]
    return "\n".join([*lines, *_broken(outcome)])


def _rows(outcome: Outcome) -> Iterator[tuple[str, str]]:
    jobs = outcome.evidence.jobs if outcome.evidence else []
    states = Counter(job.state for job in jobs)
    codes = Counter(job.error_code for job in jobs if job.state == "failed")
    yield "uploads, overwritings included", str(outcome.clients["uploads"])
    yield "  overwritten", str(outcome.clients["overwritten"])
    yield "  deleted", str(outcome.clients["deleted"])
    yield "  of these in mid-analysis", str(outcome.clients["changed in mid-analysis"])
    yield "events delivered", str(outcome.clients["events delivered"])
    yield "  put off first", str(outcome.clients["events put off"])
    yield "submitted", str(len(jobs))
    yield "succeeded", str(states["succeeded"])
    yield "superseded", str(states["superseded"])
    yield "failed", str(states["failed"])
    for code, count in sorted(codes.items()):
        yield f"  {code}", str(count)
    yield from _guarantees(outcome)
    for kind in ("kills", "freezes", "outages", "web restarts", "web kills", "killed children", "hostile messages"):
        yield kind, str(outcome.faults[kind])
    for storm in STORMS:
        yield f"storms: {storm}", str(outcome.storms[storm])
    yield "clock steps", str(outcome.faults["clock steps"]) if outcome.has_clocks else "none: no C compiler here"
    no_disk = outcome.options.schedule.full_worker is None
    yield "full disks", "none: no mounts of its own here" if no_disk else str(outcome.faults["full disks"])
    struck = outcome.evidence.struck if outcome.evidence else Counter[str]()
    yield "attempts begun", str(struck["begun"])
    for name, count in sorted((struck - Counter(begun=struck["begun"])).items()):
        yield f"  {name}", str(count)
    yield "engine runs", str(outcome.engine_faults.total())
    for fault in FAULTS:
        yield f"  {fault}", str(outcome.engine_faults[fault])
    yield "leftovers swept", str(outcome.swept["leftover"])
    yield "minutes", f"{outcome.seconds / 60:.1f}"


def _guarantees(outcome: Outcome) -> Iterator[tuple[str, str]]:
    counts = Counter(broken.guarantee for broken in outcome.broken)
    for guarantee in GUARANTEES:
        yield guarantee, str(counts[guarantee])


def _broken(outcome: Outcome) -> Iterator[str]:
    for guarantee, meaning in GUARANTEES.items():
        cases = [broken.what for broken in outcome.broken if broken.guarantee == guarantee]
        if not cases:
            continue
        yield f"\n{guarantee}: {meaning}"
        yield from (f"  - {what}" for what in cases[:SHOWN_OF_EACH])
        if len(cases) > SHOWN_OF_EACH:
            yield f"  … and {len(cases) - SHOWN_OF_EACH} more"
