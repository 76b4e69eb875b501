"""Evidence at the end of a run, read from storage, disk and the process list; no part of the stack is asked."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient

from service.errors import BadJob
from service.jobs.job import QueuedJob
from tests.campaigns.chaos.csv_watch import RESULTS
from tests.campaigns.chaos.ledger import Place

QUEUE, POISON, TABLE = "analysis-jobs", "analysis-jobs-poison", "analysisjobs"
_CSV = re.compile(r"^(?P<folder>.*/(?P<job>[0-9a-f]{32})/)[^/]+\.csv$")
POOL_CHILDREN = ("service.sandbox.decoders.pool_child", "service.engine.lite.child", "service.results.report.child")
_HIDDEN_S = 300


@dataclass(frozen=True)
class Job:
    """A record, as the table has it."""

    id: str
    container: str
    blob: str
    etag: str
    state: str
    owner: str
    lease_until: datetime | None
    attempts: int
    attempt_published: str
    error_code: str
    error_message: str
    superseded_by: str


@dataclass(frozen=True)
class Csv:
    """A published table, and the manifest that it points to (empty where there is none).

    Attributes:
        rows: lines that have an end, without the header.
    """

    name: str
    job_id: str
    etag: str
    attempt: str
    sha256: str
    told_sha256: str
    rows: int
    is_torn: bool
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """All of it.

    Attributes:
        uploads: ETag of every upload that is there.
        listed: job id and state's list of every row of the state index.
        poisoned: job id of every message of the poison queue, as often as it is there.
        messages: left in the queue of jobs, visible or not.
        files: left in the workspaces.
        processes: left by the workers, by number.
        errors_logged: what the parts themselves called an error, but for jobs that ended as failed.
        struck: how attempts at a job began and ended, by their log lines; killed ones leave none of their end.
    """

    uploads: Mapping[Place, str]
    jobs: Sequence[Job]
    csvs: Sequence[Csv]
    listed: Sequence[tuple[str, str]]
    poisoned: Sequence[str]
    messages: int
    files: Sequence[str]
    processes: Mapping[int, str]
    errors_logged: Sequence[str]
    struck: Counter[str]


def gather(connection_string: str, run_folder: Path, known_processes: frozenset[int]) -> Evidence:
    """Read everything, once the run is quiet."""
    return Evidence(
        uploads=dict(_uploads(connection_string)),
        jobs=list(jobs(connection_string)),
        csvs=list(_csvs(connection_string)),
        listed=list(_listed(connection_string)),
        poisoned=list(_poisoned(connection_string)),
        messages=messages(connection_string),
        files=list(_files(run_folder)),
        processes=dict(processes(run_folder, known_processes)),
        errors_logged=[line[:600] for line, entry in _log(run_folder / "logs") if _is_error(entry)],
        struck=Counter(filter(None, (_attempt(entry) for _, entry in _log(run_folder / "logs")))),
    )


def jobs(connection_string: str) -> Iterator[Job]:
    with TableServiceClient.from_connection_string(connection_string, retry_total=1) as tables:
        for entity in tables.get_table_client(TABLE).list_entities():
            # Rows of the state index hold copies.
            if "job" not in entity or entity["PartitionKey"] != entity["RowKey"]:
                continue
            job = json.loads(entity["job"])
            yield Job(
                id=entity["PartitionKey"],
                container=job["container"],
                blob=job["blob"],
                etag=job["etag"],
                lease_until=entity.get("lease_until"),
                **{name: entity.get(name, "") for name in _TEXTS},
                attempts=entity["attempts"],
            )


def _listed(connection_string: str) -> Iterator[tuple[str, str]]:
    with TableServiceClient.from_connection_string(connection_string, retry_total=1) as tables:
        # A hyphen comes before a period.
        query = "PartitionKey gt 'is-' and PartitionKey lt 'is.'"
        for row in tables.get_table_client(TABLE).query_entities(query, select=["PartitionKey", "job_id"]):
            yield row["job_id"], row["PartitionKey"].partition(",")[0]


_TEXTS = ("state", "owner", "attempt_published", "error_code", "error_message", "superseded_by")


def messages(connection_string: str) -> int:
    with QueueServiceClient.from_connection_string(connection_string, retry_total=1) as queues:
        properties = queues.get_queue_client(QUEUE).get_queue_properties()
    return int(properties.approximate_message_count or 0)


def is_held(job: Job) -> bool:
    """Someone has a lease on it."""
    return bool(job.owner) or (job.lease_until is not None and job.lease_until > datetime.now(UTC))


def processes(run_folder: Path, known: frozenset[int]) -> Iterator[tuple[int, str]]:
    """Those with the run's folder on their command line, as engines and decoders have it, and that are no parts.

    Children of a living part that wait for its next picture are no leftovers.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        number = int(folder.name)
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(run_folder) in words and number not in known | _ancestors() and not _waits(number, words, known):
            yield number, words[:200]


def _waits(number: int, words: str, known: frozenset[int]) -> bool:
    # Web's are children of processes of the server.
    parent = _parent(number)
    return any(child in words for child in POOL_CHILDREN) and not known.isdisjoint({parent, _parent(parent)})


def _parent(number: int) -> int:
    try:
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("PPid:")[2].split(maxsplit=1)[0])


def _ancestors() -> set[int]:
    """This process and those that started it; they may have been told the folder's name."""
    found, number = set(), os.getpid()
    while number > 1:
        found.add(number)
        number = _parent(number)
    return found


def _uploads(connection_string: str) -> Iterator[tuple[Place, str]]:
    with BlobServiceClient.from_connection_string(connection_string, retry_total=1) as blobs:
        for container in blobs.list_containers():
            if container.name == RESULTS:
                continue
            for blob in blobs.get_container_client(container.name).list_blobs():
                yield (container.name, blob.name), blob.etag.strip('"')


def _csvs(connection_string: str) -> Iterator[Csv]:
    with ContainerClient.from_connection_string(connection_string, RESULTS, retry_total=1) as results:
        there = {blob.name for blob in results.list_blobs()}
        for name in sorted(there):
            found = _CSV.match(name)
            if not found:
                continue
            download = results.download_blob(name)
            content, metadata = download.readall(), download.properties.metadata
            attempt = metadata.get("attempt", "")
            manifest = f"{found['folder']}{attempt}/manifest.json"
            yield Csv(
                name=name,
                job_id=found["job"],
                etag=download.properties.etag.strip('"'),
                attempt=attempt,
                sha256=hashlib.sha256(content).hexdigest(),
                told_sha256=metadata.get("sha256", ""),
                rows=content.count(b"\n") - 1,
                is_torn=not content.endswith(b"\n"),
                manifest=json.loads(results.download_blob(manifest).readall()) if manifest in there else {},
            )


def _poisoned(connection_string: str) -> Iterator[str]:
    with QueueServiceClient.from_connection_string(connection_string, retry_total=1) as queues:
        queue = queues.get_queue_client(POISON)
        for message in queue.receive_messages(messages_per_page=32, visibility_timeout=_HIDDEN_S):
            text = str(message.content)
            try:
                yield str(QueuedJob.decode(text).job.job_id)
            except BadJob:
                yield text


def _files(run_folder: Path) -> Iterator[str]:
    """Everything in the workers' workspaces but the locks and folders of the living and of their children."""
    for workspace in run_folder.glob("workspace-*"):
        living = sum(1 for folder in workspace.glob("worker-*"))
        if living > 1:
            yield f"{workspace.name}: folders of {living - 1} dead workers"
        for path in workspace.rglob("*"):
            inside = path.relative_to(workspace).parts
            if len(inside) > 1 and inside[1].startswith("child-"):
                continue
            # The locks of processors are shared by the workers of a host, and stay.
            if path.name == "lock" or (path.name.startswith("cpu-") and path.suffix == ".lock"):
                continue
            # Where a worker's children put converted pictures, each in a folder that goes with it.
            if inside[1:] == ("converted",):
                continue
            if len(inside) > 2 or not inside[-1].startswith("worker-"):
                yield str(path.relative_to(run_folder))


def _log(logs: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every line of every part, with the part's name and as a value."""
    for log in sorted(logs.glob("*.log")):
        for line in log.read_text("utf-8", "replace").splitlines():
            # A worker that was killed may have died in mid-line.
            if line.startswith("{") and line.endswith("}"):
                yield f"{log.name}: {line}", json.loads(line)


def _is_error(entry: Mapping[str, Any]) -> bool:
    return entry.get("level") in {"error", "critical"} and entry.get("event") not in {
        "job.failed",
        "message.set_aside",
        # Decoders are killed while they start, too.
        "pool.child_does_not_start",
    }


def _attempt(entry: Mapping[str, Any]) -> str:
    match entry.get("event"):
        case "job.started":
            return "begun"
        case "job.retried" | "job.abandoned":
            return f"ended by {entry['error_code']}"
        case _:
            return ""
