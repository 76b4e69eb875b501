"""Whether every guarantee was kept: the evidence held against what was done, as a list of what is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tests.campaigns.chaos.evidence import Csv, Evidence, Job, is_held
from tests.campaigns.chaos.ledger import Ledger, Version

Guarantee = Literal["lost", "doubled", "partial", "unexplained", "left over", "part"]
GUARANTEES: dict[Guarantee, str] = {
    "lost": "an upload without a job, or whose job never ended",
    "doubled": "two results of one upload, or a result that changed after it appeared",
    "partial": "a result that is not whole, or not the one that its manifest tells of",
    "unexplained": "a job that failed although nothing was done to its upload, or not set aside as it should",
    "left over": "a message, lease, file or process that outlived its job",
    "part": "a part that ended by itself, logged an error, or refused a client",
}


@dataclass(frozen=True)
class Broken:
    """One case of a guarantee that was not kept."""

    guarantee: Guarantee
    what: str


@dataclass(frozen=True)
class Case:
    """What the evidence is held against.

    Attributes:
        first_etags, moved: see `CsvWatch`.
        hostile, hostile_sent: texts that may be in the queue, and those of them that were surely put there.
        lost_poison_answers: to messages for the poison queue, each of which may be there twice for it.
    """

    ledger: Ledger
    first_etags: Mapping[str, str]
    moved: Mapping[str, str]
    hostile: frozenset[str] = frozenset()
    hostile_sent: frozenset[str] = frozenset()
    lost_poison_answers: int = 0


def judge(case: Case, found: Evidence) -> list[Broken]:
    """Everything that is wrong; empty where every guarantee was kept."""
    return [
        *_uploads(case, found),
        *_results(case, found),
        *_set_aside(case, found),
        *_listed(found),
        *_left_over(found),
    ]


def _uploads(case: Case, found: Evidence) -> Iterator[Broken]:
    """Each version has come to the one end that it should, and no job is of anything else."""
    by_version: dict[tuple[str, str, str], list[Job]] = defaultdict(list)
    for job in found.jobs:
        by_version[job.container, job.blob, job.etag].append(job)
    ids = {job.id for job in found.jobs}
    for version in case.ledger.versions():
        jobs = by_version.pop(version.key, [])
        live = case.ledger.is_live(version)
        if live and found.uploads.get(version.place) != version.etag:
            yield Broken("lost", f"{version.place}: the upload itself is not there")
        if live and not jobs:
            yield Broken("lost", f"{version.place}: no job")
        if len(jobs) > 1:
            yield Broken("doubled", f"{version.place}: {len(jobs)} jobs of one version: {[job.id for job in jobs]}")
        for job in jobs:
            yield from _ended_well(case, version, job, ids)
    for key in by_version:
        if key[:2] in case.ledger.unsure:
            continue
        yield Broken("unexplained", f"a job of {key}, which nobody uploaded")


def _ended_well(case: Case, version: Version, job: Job, ids: set[str]) -> Iterator[Broken]:
    told = f"{job.id} ({job.container}/{job.blob}): {job.state} {job.error_code}: {job.error_message[:300]}"
    match job.state:
        case "succeeded":
            if version.medium.is_hopeless:
                yield Broken("unexplained", f"a result of what cannot be read: {told}")
        case "failed":
            if job.error_code not in _codes_allowed(case, version):
                yield Broken("unexplained", told)
        case "superseded":
            if case.ledger.is_live(version) or not job.error_code or job.superseded_by not in ids:
                yield Broken("unexplained", told)
        case _:
            yield Broken("lost", f"never ended: {told}")


def _codes_allowed(case: Case, version: Version) -> set[str]:
    """What this upload's job may fail with."""
    allowed = set()
    if version.medium.is_hopeless:
        allowed.add("unreadable_media")
    if version.place in case.ledger.deleted:
        allowed.add("media_not_found")
    return allowed


def _results(case: Case, found: Evidence) -> Iterator[Broken]:
    """One CSV for each job that succeeded, whole, and none besides; none has ever changed."""
    rows = {version.key: version.medium.rows for version in case.ledger.versions()}
    csvs: dict[str, list[Csv]] = defaultdict(list)
    for csv in found.csvs:
        csvs[csv.job_id].append(csv)
    for job in found.jobs:
        own = csvs.pop(job.id, [])
        if job.state == "succeeded" and not own:
            yield Broken("lost", f"{job.id}: succeeded without a result")
        if job.state != "succeeded" and own:
            yield Broken("partial", f"{job.id}: {job.state}, but has a result")
        if len(own) > 1:
            yield Broken("doubled", f"{job.id}: {[csv.name for csv in own]}")
        for csv in own:
            yield from _whole(csv, job, rows.get((job.container, job.blob, job.etag), csv.rows))
    for job_id in csvs:
        yield Broken("doubled", f"{job_id}: a result without a job")
    for name, how in case.moved.items():
        yield Broken("doubled", f"{name} {how}")
    for csv in found.csvs:
        if case.first_etags.get(csv.name, csv.etag) != csv.etag:
            yield Broken("doubled", f"{csv.name} is not the one that appeared")


def _whole(csv: Csv, job: Job, rows: int | None) -> Iterator[Broken]:
    manifest = csv.manifest.get("csv", {})
    hashes = {csv.sha256, csv.told_sha256, manifest.get("sha256", "")}
    if len(hashes) != 1:
        yield Broken("partial", f"{csv.name}: hashes of content, metadata and manifest differ: {sorted(hashes)}")
    if csv.is_torn or csv.rows != rows or csv.rows != manifest.get("rows"):
        yield Broken("partial", f"{csv.name}: {csv.rows} rows (torn: {csv.is_torn}), not {rows}")
    if csv.manifest.get("completeness", {}).get("verdict") != "complete":
        yield Broken("partial", f"{csv.name}: its manifest does not call it complete")
    if not csv.attempt or csv.attempt != job.attempt_published:
        yield Broken("partial", f"{csv.name}: of attempt {csv.attempt!r}, the record says {job.attempt_published!r}")


def _set_aside(case: Case, found: Evidence) -> Iterator[Broken]:
    """The poison queue holds the failed jobs, each once, and texts that are no jobs, word for word."""
    failed = {job.id for job in found.jobs if job.state == "failed"}
    times = Counter(one for one in found.poisoned if one not in case.hostile)
    for job_id in failed - times.keys():
        yield Broken("unexplained", f"{job_id} failed, but is not in the poison queue")
    for job_id in times.keys() - failed:
        yield Broken("unexplained", f"{job_id} is in the poison queue, but has not failed")
    for text in case.hostile_sent - set(found.poisoned):
        yield Broken("lost", f"a message that is no job is not in the poison queue: {text[:100]}")
    copies = {job_id: count for job_id, count in times.items() if count > 1}
    # `poison list` shows such copies as one, and a replay starts one.
    if sum(copies.values()) - len(copies) > case.lost_poison_answers:
        yield Broken("doubled", f"in the poison queue several times: {copies}")


def _listed(found: Evidence) -> Iterator[Broken]:
    """The state index has each job once, in the list of its state."""
    wanted = Counter((job.id, f"is-{job.state}") for job in found.jobs)
    there = Counter(found.listed)
    for job_id, listing in wanted - there:
        yield Broken("lost", f"{job_id} is not in the list {listing}")
    for job_id, listing in there - wanted:
        yield Broken("left over", f"{job_id} is in the list {listing}")


def _left_over(found: Evidence) -> Iterator[Broken]:
    if found.messages:
        yield Broken("left over", f"{found.messages} messages in the queue of jobs")
    for job in found.jobs:
        if is_held(job):
            yield Broken("left over", f"{job.id}: held by {job.owner!r} until {job.lease_until}")
    for path in found.files:
        yield Broken("left over", f"file {path}")
    for number, words in found.processes.items():
        yield Broken("left over", f"process {number}: {words}")
    for line in found.errors_logged:
        yield Broken("part", line)
