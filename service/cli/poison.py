"""`poison`: what was set aside, back to work with it, or away with it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from service.cli.output import echo_facts, echo_json, echo_rows, moment, shown
from service.cli.startup import Refused
from service.cli.storage_session import Failures, opened, order_line
from service.errors import AnalysisError
from service.jobs.backend import JobBackend
from service.jobs.poison import Done, PoisonQueue, SetAside, pick
from service.web.protocol.job_json import job_facts

TEXT_IN_LIST = 80

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a message.")
_ALL = click.option("--all", "every", is_flag=True, help="Every message that is there now.")
_IDS = click.argument("ids", nargs=-1, metavar="[ID]...")


@click.group()
def poison() -> None:
    """Look at messages that were set aside, replay or drop them.

    Where an ID is asked for, the id of the message or of its job is meant; its beginning will do, six characters or
    more. Looking hides the messages from others for a moment; it changes nothing.
    """


@poison.command("list")
@_JSON
def list_messages(as_json: bool) -> None:
    """List what was set aside, oldest first."""
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
    """Show one message whole, and what is known of its job."""
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
    """Put jobs back to work, as their next generation if they have finished.

    A message is dropped when its job is under way. One that is no job is refused, and stays.
    """
    _check_choice(ids, every)
    failures = Failures(as_json=as_json)
    with opened() as services:
        poison = _poison_queue(services)
        chosen = _chosen(poison.look(), ids, every, failures)
        _tell(poison.replay(chosen), failures, as_json=as_json)
    failures.leave()


@poison.command()
@_IDS
@_ALL
@click.option("--yes", is_flag=True, help="Do not ask.")
@_JSON
def drop(ids: tuple[str, ...], every: bool, yes: bool, as_json: bool) -> None:
    """Delete messages for good; the records of their jobs stay as they are."""
    _check_choice(ids, every)
    if not yes and not sys.stdin.isatty():
        raise Refused("dropping is for good and nobody is here to be asked: give --yes")
    failures = Failures(as_json=as_json)
    with opened() as services:
        poison = _poison_queue(services)
        chosen = _chosen(poison.look(), ids, every, failures)
        if chosen and not yes:
            click.confirm(f"Drop {len(chosen)} message{'s' * (len(chosen) > 1)} for good?", abort=True, err=True)
        _tell(poison.drop(chosen), failures, as_json=as_json)
    failures.leave()


def _poison_queue(services: JobBackend) -> PoisonQueue:
    return PoisonQueue(services.queue, services.table, services.submitter)


def _check_choice(ids: tuple[str, ...], every: bool) -> None:
    if bool(ids) == every:
        raise click.UsageError("give IDs, or --all")


def _chosen(found: Sequence[SetAside], ids: tuple[str, ...], every: bool, failures: Failures) -> list[SetAside]:
    """What is meant; ids of nothing are told."""
    if every:
        return list(found)
    chosen: dict[str, SetAside] = {}
    for id_ in ids:
        try:
            chosen |= {one.message.id: one for one in pick(found, id_)}
        except AnalysisError as error:
            failures.tell(id_, error)
    return list(chosen.values())


def _tell(what_was_done: Iterable[Done], failures: Failures, *, as_json: bool) -> None:
    for done in what_was_done:
        if done.error:
            failures.tell(done.message_id, done.error)
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
        # In one line: its own line ends must not look like facts of ours.
        "text": shown(one.message.text),
    }
