"""`purge`: delete everything held of a container, an upload, a job or a person, and print a receipt."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any

import click

from service.cli.jobs import whole_id
from service.cli.output import echo_json, shown
from service.cli.startup import EXIT_FAILED, Refused
from service.cli.storage_session import opened
from service.identity.installed import is_wanted as identity_is_wanted
from service.jobs.backend import JobBackend
from service.jobs.purge import Purge, Receipt, Scope

WAIT_S = 120.0


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--dry-run", is_flag=True, help="Print what would be deleted; delete nothing."),
        click.option("--yes", is_flag=True, help="Do not ask for confirmation."),
    ):
        command = option(command)
    return command


def _of_uploads(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--keep-uploads", is_flag=True, help="Keep the uploaded media.")(command)
    return _of_jobs(command)


def _of_jobs(command: Callable[..., None]) -> Callable[..., None]:
    seconds = click.FloatRange(min=0)
    command = click.option(
        "--wait",
        "wait_s",
        type=seconds,
        default=WAIT_S,
        show_default=True,
        help="Seconds to wait for running jobs to end.",
    )(command)
    return _with_options(command)


@click.group()
def purge() -> None:
    """Delete permanently, and print a receipt (JSON).

    Running jobs are cancelled first. Exit code 1 where some did not end in time: run the command again. Backups,
    soft-deleted blobs, logs and Event Grid's dead letters are out of its reach.
    """


@purge.command()
@click.argument("name")
@_of_uploads
def container(name: str, keep_uploads: bool, wait_s: float, yes: bool, dry_run: bool) -> None:
    """Purge a container: its uploads, their results, records and messages."""
    with opened() as services:
        _purge(services, Scope(name), uploads=not keep_uploads, wait_s=wait_s, yes=yes, dry_run=dry_run)


@purge.command()
@click.argument("container_name", metavar="CONTAINER")
@click.argument("name", metavar="BLOB")
@_of_uploads
def blob(container_name: str, name: str, keep_uploads: bool, wait_s: float, yes: bool, dry_run: bool) -> None:
    """Purge one upload in all its versions, with its results, records and messages."""
    with opened() as services:
        _purge(services, Scope(container_name, name), uploads=not keep_uploads, wait_s=wait_s, yes=yes, dry_run=dry_run)


@purge.command()
@click.argument("id_", metavar="ID")
@_of_jobs
def job(id_: str, wait_s: float, yes: bool, dry_run: bool) -> None:
    """Purge one job: its results, record and messages; the upload stays."""
    with opened() as services:
        about = services.table.get(whole_id(services.table, id_)).job
        scope = Scope(about.container, about.blob, about.job_id)
        _purge(services, scope, uploads=False, wait_s=wait_s, yes=yes, dry_run=dry_run)


@purge.command()
@click.argument("gallery")
@click.argument("person_id", metavar="PERSON")
@_with_options
def person(gallery: str, person_id: str, yes: bool, dry_run: bool) -> None:
    """Purge a person of a gallery: faces, embeddings and mentions in results. For their uploads: `purge blob`."""
    with opened() as services:
        if not identity_is_wanted(services.settings):
            raise Refused("IDENTITY is off here: there are no galleries")
        if dry_run:
            echo_json(_person_held(services, gallery, person_id))
            return
        _ask(f"Delete person {person_id} of gallery {gallery}? This cannot be undone.", yes)
        echo_json(_purge_person(services, gallery, person_id))


def _purge(services: JobBackend, scope: Scope, *, uploads: bool, wait_s: float, yes: bool, dry_run: bool) -> None:
    with _opened_purge(services) as purge:
        if dry_run:
            _print_receipt(purge.look(scope, uploads=uploads))
            return
        if not yes:
            held = purge.look(scope, uploads=uploads)
            what = f"{len(held.jobs)} jobs, {held.results} results and {held.uploads} uploads"
            _ask(f"Delete {what} of {_name(scope)}? This cannot be undone.", yes)
        receipt = purge.run(scope, uploads=uploads, wait_s=wait_s)
    _print_receipt(receipt)
    if receipt.unfinished:
        click.echo(f"{len(receipt.unfinished)} jobs have not ended yet: run the command again", err=True)
        sys.exit(EXIT_FAILED)


@contextmanager
def _opened_purge(backend: JobBackend) -> Iterator[Purge]:
    """The purge of this storage account and, where IDENTITY is on, of mentions in galleries. Raises BadSettings."""
    settings = backend.settings
    stores = backend.blobs, backend.queue, backend.table
    if not identity_is_wanted(settings):
        yield Purge(*stores, settings.results_container, forget=lambda job_ids: 0)
        return
    # Imported here, as below: the packages of the extra need not be installed.
    from service.identity.rights import forget_jobs
    from service.identity.services import IdentityServices

    with closing(IdentityServices(settings)) as identity:
        yield Purge(*stores, settings.results_container, forget=lambda job_ids: forget_jobs(identity.store, job_ids))


def _purge_person(backend: JobBackend, gallery: str, person_id: str) -> dict[str, Any]:
    """Delete a person; returns the receipt. Raises NotFound, BadSettings."""
    from service.identity.erasure import erase_person
    from service.identity.services import IdentityServices

    with closing(IdentityServices(backend.settings)) as identity:
        return erase_person(identity.store, backend.blobs, gallery, person_id).as_dict()


def _person_held(backend: JobBackend, gallery: str, person_id: str) -> dict[str, Any]:
    """List what would be deleted of a person. Raises NotFound, BadSettings."""
    from service.identity.rights import export_person
    from service.identity.services import IdentityServices

    with closing(IdentityServices(backend.settings)) as identity:
        held = export_person(identity.galleries, gallery, person_id)
    return {
        "gallery": gallery,
        "is_done": False,
        "person_id": person_id,
        "embeddings": len(held.faces),
        "mentioned_in": [asdict(each) for each in held.mentioned_in],
    }


def _ask(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("purged data cannot be restored, and there is no terminal to confirm on: give --yes")
    click.confirm(question, abort=True, err=True)


def _name(scope: Scope) -> str:
    return shown("/".join(part for part in (scope.container, scope.blob) if part))


def _print_receipt(receipt: Receipt) -> None:
    facts: dict[str, Any] = receipt.as_dict()
    echo_json(facts)
