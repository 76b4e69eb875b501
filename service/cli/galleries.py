"""`galleries`: list the galleries of the identity database, hand one over to another key, delete one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from service.cli.output import echo_json, echo_rows
from service.cli.startup import Refused, exit_on_error, load_settings
from service.cli.storage_session import opened
from service.identity.installed import is_wanted as identity_is_wanted
from service.logs import configure
from service.settings import Settings
from service.web.access.keys import KeyRing, check_name

if TYPE_CHECKING:
    from service.identity.services import IdentityServices

ANONYMOUS = "anonymous"
"""Gallery of a service without keys."""


@click.group()
def galleries() -> None:
    """List galleries of people, hand them over, delete them.

    A gallery belongs to the key of its name. Where that key was revoked or renamed, no caller reaches it any longer:
    hand it over to the new key, or delete it.
    """
    configure("auto", "ERROR")


@galleries.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a gallery.")
def list_galleries(as_json: bool) -> None:
    """List galleries with people, and whether a key reaches them."""
    with exit_on_error():
        settings = load_settings()
        with identity_opened(settings) as identity:
            found = [_facts(identity, name, _owners(settings)) for name in identity.galleries.names()]
    held = [facts for facts in found if facts["people"]]
    if as_json:
        for facts in held:
            echo_json(facts)
    elif held:
        rows = [(str(each["people"]), str(each["faces"]), _key_of(each), each["gallery"]) for each in held]
        echo_rows(("PEOPLE", "FACES", "KEY", "GALLERY"), rows)


@galleries.command("hand-over")
@click.argument("gallery")
@click.argument("key")
def hand_over(gallery: str, key: str) -> None:
    """Give all people of GALLERY to the key named KEY, whose own gallery must be empty."""
    with exit_on_error():
        check_name(key)
        settings = load_settings()
        if key not in _owners(settings):
            raise Refused(f"there is no key {key!r} in the settings")
        with identity_opened(settings) as identity:
            from service.identity.rights import audit

            moved = identity.galleries.hand_over(gallery, key)
            audit("hand_over", gallery, to=key, people=moved)
    click.echo(f"{moved} people of {gallery} now belong to {key}", err=True)


@galleries.command()
@click.argument("gallery")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(gallery: str, yes: bool) -> None:
    """Delete all people of GALLERY, also their names in results, and print a receipt (JSON)."""
    with opened() as services, identity_opened(services.settings) as identity:
        from service.identity.erasure import erase_gallery

        held = identity.galleries.facts(gallery)
        if not yes:
            if not sys.stdin.isatty():
                raise Refused("deletion is permanent and there is no terminal to confirm it: give --yes")
            click.confirm(f"Delete {held.people} people of gallery {gallery} permanently?", abort=True, err=True)
        echo_json(erase_gallery(identity.store, services.blobs, gallery).as_dict())


@contextmanager
def identity_opened(settings: Settings) -> Iterator[IdentityServices]:
    """Open the identity database. Raises Refused where IDENTITY is off."""
    if not identity_is_wanted(settings):
        raise Refused("IDENTITY is not on here: there are no galleries")
    # Imported here: the identity packages need not be installed.
    from service.identity.services import IdentityServices

    with closing(IdentityServices(settings)) as identity:
        yield identity


def people_in(settings: Settings, gallery: str) -> int:
    """Count the people of a gallery; 0 where IDENTITY is off."""
    if not identity_is_wanted(settings):
        return 0
    with identity_opened(settings) as identity:
        return identity.galleries.facts(gallery).people


def _facts(identity: IdentityServices, name: str, owners: set[str]) -> dict[str, Any]:
    facts = identity.galleries.facts(name)
    return {"gallery": name, "people": facts.people, "faces": facts.faces, "has_key": name in owners}


def _key_of(facts: dict[str, Any]) -> str:
    return "yes" if facts["has_key"] else "no"


def _owners(settings: Settings) -> set[str]:
    ring = KeyRing.of(settings)
    names = {key.name for key in ring.current()}
    return names or {ANONYMOUS}
