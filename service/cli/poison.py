"""`poison`: list, show, replay and drop messages in the poison queue."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from service.cli.output import echo_facts, echo_json, echo_rows, moment, shown
from service.cli.startup import Refused
from service.cli.storage_session import Failures, opened, order_line
from service.errors import AnalysisError
from service.jobs.backend import JobBackend
from service.jobs.job_facts import job_facts
from service.jobs.poison import Done, PoisonQueue, SetAside, pick

TEXT_IN_LIST = 80

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a message.")
_ALL = click.option("--all", "every", is_flag=True, help="All messages in the poison queue.")
_IDS = click.argument("ids", nargs=-1, metavar="[ID]...")


@click.group()
def poison() -> None:
    """List, show, replay and drop messages in the poison queue.

    An ID is the id of a message or of its job, or its first six characters or more. Listing hides the messages from
    other readers for a moment and changes nothing.
    """


@poison.command("list")
@_JSON
def list_messages(as_json: bool) -> None:
    """List the messages, oldest first."""
    with opened() as services:
        found = _poison_queue(services).look()
    if as_json:
        for one in found:
            echo_json(one.as_dict())
        return
    rows = [
        (one.message.id, one.job_id or "-", moment(one.message.sent), _error_code(one), _what(one)) for one in found
    ]
    echo_rows(("ID", "JOB", "SINCE (UTC)", "WHY", "WHAT"), rows)


@poison.command()
@click.argument("id_", metavar="ID")
@_JSON
def show(id_: str, as_json: bool) -> None:
    """Show one message whole, with its job's record."""
    with opened() as services:
        meant = pick(_poison_queue(services).look(), id_)
    for one in meant:
        if as_json:
            echo_json(one.as_dict())
        else:
            echo_facts(_facts(one))


@poison.command()
@_IDS
@_ALL
@_JSON
def replay(ids: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Submit the messages' jobs again, as their next generation if they have finished.

    A message is dropped once its job is under way. A message that is no job is refused and stays.
    """
    _check_choice(ids, every)
    failures = Failures(as_json=as_json)
    with opened() as services:
        poison = _poison_queue(services)
        chosen = _chosen(poison.look(), ids, every, failures)
        _report(poison.replay(chosen), failures, as_json=as_json)
    failures.exit_if_any()


@poison.command()
@_IDS
@_ALL
@click.option("--yes", is_flag=True, help="Do not ask.")
@_JSON
def drop(ids: tuple[str, ...], every: bool, yes: bool, as_json: bool) -> None:
    """Delete messages; the records of their jobs stay as they are."""
    _check_choice(ids, every)
    if not yes and not sys.stdin.isatty():
        raise Refused("a dropped message cannot be restored, and there is no terminal to confirm on: give --yes")
    failures = Failures(as_json=as_json)
    with opened() as services:
        poison = _poison_queue(services)
        chosen = _chosen(poison.look(), ids, every, failures)
        if chosen and not yes:
            click.confirm(
                f"Drop {len(chosen)} message{'s' * (len(chosen) > 1)}? This cannot be undone.", abort=True, err=True
            )
        _report(poison.drop(chosen), failures, as_json=as_json)
    failures.exit_if_any()


def _poison_queue(services: JobBackend) -> PoisonQueue:
    return PoisonQueue(services.queue, services.table, services.submitter)


def _check_choice(ids: tuple[str, ...], every: bool) -> None:
    if bool(ids) == every:
        raise click.UsageError("give IDs, or --all")


def _chosen(found: Sequence[SetAside], ids: tuple[str, ...], every: bool, failures: Failures) -> list[SetAside]:
    """The messages that the ids name; unknown ids become failures."""
    if every:
        return list(found)
    chosen: dict[str, SetAside] = {}
    for id_ in ids:
        try:
            chosen |= {one.message.id: one for one in pick(found, id_)}
        except AnalysisError as error:
            failures.add(id_, error)
    return list(chosen.values())


def _report(outcomes: Iterable[Done], failures: Failures, *, as_json: bool) -> None:
    for done in outcomes:
        if done.error:
            failures.add(done.message_id, done.error)
        elif as_json:
            job = job_facts(done.record).model_dump(mode="json") if done.record else None
            echo_json({"id": done.message_id, "job": job})
        else:
            click.echo(f"{done.message_id}: {order_line(done.record) if done.record else 'dropped'}")


def _error_code(one: SetAside) -> str:
    if one.no_job_because:
        return "no job"
    if one.record is None:
        return "no record"
    return one.record.error_code or one.record.state


def _what(one: SetAside) -> str:
    if one.queued:
        return f"{one.queued.job.container}/{one.queued.job.blob}"
    return shown(one.message.text, TEXT_IN_LIST)


def _facts(one: SetAside) -> dict[str, str]:
    record = one.record
    return {
        "message": one.message.id,
        "since": moment(one.message.sent),
        "job": one.job_id,
        "no job because": one.no_job_because,
        "upload": _what(one) if one.queued else "",
        "state": record.state if record else "",
        "error": f"{record.error_message} ({record.error_code})" if record and record.error_code else "",
        # In one line: its own line ends must not look like other fields.
        "text": shown(one.message.text),
    }
