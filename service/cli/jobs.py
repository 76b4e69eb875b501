"""`jobs`: list, show, rerun and cancel jobs, without the web server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice
from typing import Any, get_args

import click

from service.cli.output import echo_facts, echo_json, echo_rows, moment
from service.cli.storage_session import Failures, opened, order_line
from service.errors import AnalysisError, BadRequest, MediaNotFound, NotFound, StorageUnavailable
from service.jobs.backend import JobBackend
from service.jobs.job_facts import job_facts
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, State
from service.jobs.result_place import ResultPlace
from service.logs import continued_trace
from service.storage.blob_store import Blobs

_PREFIX = re.compile(r"[0-9a-f]{6,32}")
ORDER = Callable[[JobBackend, str], JobRecord]
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as the HTTP API's jobs.")


@click.group()
def jobs() -> None:
    """List, show, rerun and cancel jobs.

    An ID can be given by its first digits: six or more that no other job has.
    """


@jobs.command("list")
@click.option("--container", help="Only jobs of this container of uploads.")
@click.option("--state", type=click.Choice(get_args(State)), help="Only jobs in this state.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Greatest number of jobs.")
@_JSON
def list_jobs(container: str | None, state: State | None, limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    with opened() as services:
        found = list(islice(services.table.records(container=container, state=state), limit))
    if as_json:
        for record in found:
            echo_json(_as_dict(record))
        return
    rows = [
        (record.job.job_id, record.state, moment(record.created), str(record.attempts), _where(record), _upload(record))
        for record in found
    ]
    echo_rows(("ID", "STATE", "CREATED (UTC)", "TRIES", "STAGE", "UPLOAD"), rows)


@jobs.command()
@click.argument("id_", metavar="ID")
@_JSON
def show(id_: str, as_json: bool) -> None:
    """Show one job: record, results and manifest."""
    with opened() as services:
        record = services.table.get(whole_id(services.table, id_))
        place = ResultPlace.of(record.job, services.settings.results_container)
        manifest = _manifest(services.blobs, place, record)
    details = _details(record, place, manifest)
    if as_json:
        echo_json(_as_dict(record) | details)
    else:
        echo_facts(_facts(record, details["results"], manifest or {}))


@jobs.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_JSON
def rerun(ids: tuple[str, ...], as_json: bool) -> None:
    """Analyse finished jobs again, each as its next generation."""
    _apply(ids, as_json, lambda own, id_: own.submitter.rerun(id_, continued_trace(None)))


@jobs.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_JSON
def cancel(ids: tuple[str, ...], as_json: bool) -> None:
    """Cancel jobs: at once while they are queued, within seconds while they run."""
    _apply(ids, as_json, lambda own, id_: own.submitter.cancel(id_))


def _apply(ids: tuple[str, ...], as_json: bool, act: ORDER) -> None:
    failures = Failures(as_json=as_json)
    with opened() as services:
        for id_ in ids:
            try:
                record = act(services, whole_id(services.table, id_))
            except StorageUnavailable:
                raise
            except AnalysisError as error:
                failures.add(id_, error)
                continue
            if as_json:
                echo_json(_as_dict(record))
            else:
                click.echo(order_line(record))
    failures.exit_if_any()


def whole_id(table: JobTable, id_: str) -> str:
    """Complete a job's id from its first digits. Raises BadRequest, NotFound."""
    prefix = id_.lower()
    if not _PREFIX.fullmatch(prefix):
        raise BadRequest("a job's id is 32 hex digits; give at least its first six", "bad_id")
    found = [prefix] if len(prefix) == 32 else table.beginning_with(prefix)
    if not found:
        raise NotFound("no job begins with these digits", "job_not_found")
    if len(found) > 1:
        raise BadRequest("several jobs begin with these digits; give more", "ambiguous_id")
    return found[0]


def _as_dict(record: JobRecord) -> dict[str, Any]:
    return job_facts(record).model_dump(mode="json")


def _manifest(blobs: Blobs, place: ResultPlace, record: JobRecord) -> dict[str, Any] | None:
    """Read the manifest of the published attempt, else of the last one; None where there is none."""
    try:
        attempt_id = record.attempt_published or record.attempt_id
        return dict(json.loads(blobs.read(place.container, place.manifest(attempt_id)))) if attempt_id else None
    except (MediaNotFound, NotFound, ValueError):
        return None


def _details(record: JobRecord, place: ResultPlace, manifest: dict[str, Any] | None) -> dict[str, Any]:
    """Fields of `show` that the API's job JSON does not have."""
    done, attempt_id = record.state == "succeeded", record.attempt_published or record.attempt_id
    names = {
        "csv": place.csv if done else None,
        "manifest": place.manifest(attempt_id) if manifest else None,
        "log": place.artefact(attempt_id, "engine.log") if done and record.job.kind == "video" else None,
    }
    return {
        "attempt_id": attempt_id or None,
        "owner": record.owner or None,
        "lease_until": record.lease_until.isoformat() if record.lease_until else None,
        "cancel_requested": record.cancel_requested,
        "results": {"container": place.container, **names},
        "manifest": manifest,
    }


def _facts(record: JobRecord, results: dict[str, str | None], manifest: dict[str, Any]) -> dict[str, str]:
    job, seconds = record.job, manifest.get("seconds") or {}
    options = " ".join(f"{name}={_plain(value)}" for name, value in job.options.as_dict().items() if value != "")
    completeness = manifest.get("completeness") or {}
    blobs = {name: f"{results['container']}/{results[name]}" for name in ("csv", "manifest", "log") if results[name]}
    return {
        "job": job.job_id,
        "state": record.state,
        "stage": _where(record),
        "upload": _upload(record),
        "version": job.etag,
        "analysed as": f"{job.media} {job.media_type} {options}",
        "generation": str(job.generation),
        "tries": f"{record.attempts}{f', the last is {record.attempt_id}' if record.attempt_id else ''}",
        "created": moment(record.created),
        "started": moment(record.started),
        "finished": moment(record.finished),
        "held by": f"{record.owner} until {moment(record.lease_until)}" if record.owner else "",
        "cancel requested": "yes" if record.cancel_requested and not record.is_finished else "",
        "error": f"{record.error_message} ({record.error_code})" if record.error_code else "",
        "superseded by": record.superseded_by,
        "traceparent": record.traceparent,
        **blobs,
        "seconds": ", ".join(f"{step} {value:g}" for step, value in seconds.items() if value is not None),
        "verdict": " ".join(str(word) for word in completeness.values() if word),
    }


def _plain(value: object) -> object:
    """Write an option's value as the route takes it."""
    return int(value) if isinstance(value, bool) else value


def _where(record: JobRecord) -> str:
    """Error code of a failed or waiting job, else its stage and progress."""
    if record.error_code:
        return record.error_code if record.is_finished else f"{record.stage}: {record.error_code}"
    return "" if record.stage == record.state else f"{record.stage} {record.progress:.0%}"


def _upload(record: JobRecord) -> str:
    return f"{record.job.container}/{record.job.blob}"
