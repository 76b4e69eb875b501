"""`key`: make, list and revoke the API's keys."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from service.cli.startup import exit_on_error, load_settings
from service.errors import AnalysisError
from service.logs import configure
from service.settings import BadSettings, Settings
from service.storage.local_files import replacing
from service.web.access.keys import SCOPES, BadKeys, Key, KeyRing, Scope, check_name, new_key, parse_line, parse_lines

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def key() -> None:
    """Make, list and revoke the API's keys."""
    configure("auto", "ERROR")


@key.command()
@click.option("--name", required=True, help="Name of the key's owner; shown in log lines.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=("analyse", "read"),
    show_default=True,
    help="Permission of the key; repeat for several. `admin` includes all.",
)
@click.option("--file", type=FILE, help="Keys file (API_KEYS_FILE) to add its entry to.")
@click.option("--json", "as_json", is_flag=True, help="Key and entry as one JSON object on standard output.")
def new(name: str, scopes: tuple[Scope, ...], file: Path | None, as_json: bool) -> None:
    """Make a key and print it; it is shown only this once.

    Its entry (name, scopes, hash) goes to --file, else to standard error, for API_KEYS.
    """
    with exit_on_error():
        text, made = new_key(name, scopes)
        if file:
            add(file, made)
    if as_json:
        click.echo(json.dumps({"name": made.name, "scopes": _scopes(made), "key": text, "entry": made.entry}))
        return
    click.echo(text)
    click.echo(f"added {made.name} to {file}" if file else made.entry, err=True)


@key.command("list")
@click.option("--file", type=FILE, help="Keys file. Default: the keys of the settings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a key.")
def list_keys(file: Path | None, as_json: bool) -> None:
    """List names and scopes of the keys."""
    with exit_on_error():
        ring = KeyRing(file=file) if file else KeyRing.of(load_settings())
        ring.check()
        for one in ring.current():
            if as_json:
                click.echo(json.dumps({"name": one.name, "scopes": _scopes(one)}))
            else:
                click.echo(f"{one.name}\t{' '.join(_scopes(one))}")


@key.command()
@click.argument("name")
@click.option("--file", required=True, type=FILE, help="Keys file to remove it from.")
def revoke(name: str, file: Path) -> None:
    """Remove the key NAME from a keys file; running servers refuse it from the next request on."""
    with exit_on_error(), _changing(file) as lines:
        check_name(name)
        kept = [line for line in lines if not _is_named(line, name)]
        if len(kept) == len(lines):
            raise BadKeys(f"{file} has no key {name!r}")
        lines[:] = kept
    click.echo(f"revoked {name}", err=True)
    _warn_of_gallery(name)


def _warn_of_gallery(name: str) -> None:
    """Warn of people in the gallery of a revoked key, where IDENTITY is on."""
    # Imported here: most keys have no gallery.
    from service.cli.galleries import people_in

    try:
        people = people_in(Settings.load(), name)
    except (BadSettings, AnalysisError) as error:
        click.echo(f"whether {name} has a gallery of people is unknown: {error}", err=True)
        return
    if people:
        click.echo(
            f"the gallery {name} still has {people} people, whom no key reaches now: "
            f"`galleries hand-over {name} KEY` or `galleries delete {name}`",
            err=True,
        )


def _scopes(key: Key) -> list[str]:
    return [scope for scope in SCOPES if scope in key.scopes]


def _is_named(line: str, name: str) -> bool:
    key = parse_line(line)
    return key is not None and key.name == name


def add(file: Path, key: Key) -> None:
    """Add a key's entry to a keys file. Raises BadKeys."""
    with _changing(file) as lines:
        if any(known.name == key.name for known in parse_lines(lines)):
            raise BadKeys(f"{file} has a key {key.name!r} already; revoke it first, or choose another name")
        lines.append(key.entry)


@contextmanager
def _changing(file: Path) -> Iterator[list[str]]:
    """Yield the lines of a keys file to change in place, and replace the file atomically.

    Raises:
        BadKeys: it cannot be read or written, or a line is no entry.
    """
    # A link stays a link, and what it names is changed.
    file = file.resolve()
    try:
        with _locked(file.parent):
            lines = file.read_text("utf-8").splitlines() if file.exists() else []
            parse_lines(lines)
            yield lines
            _replace(file, "".join(f"{line}\n" for line in lines))
    except (OSError, UnicodeDecodeError) as error:
        raise BadKeys(f"{file}: {error}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder against other `key` commands; the file itself is replaced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(file: Path, text: str) -> None:
    """Replace the file atomically. A new file is readable by its owner only; an existing one keeps mode and owner."""
    with replacing(file, mode=None) as beside, beside.open("w", encoding="utf-8") as new_file:
        new_file.write(text)
        new_file.flush()
        os.fsync(new_file.fileno())
        if file.exists():
            _like(file, new_file.fileno())


def _like(file: Path, handle: int) -> None:
    """Copy mode and owner, since a server under another user must still be able to read the file."""
    known = file.stat()
    if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(handle, known.st_uid, known.st_gid)
    os.fchmod(handle, stat.S_IMODE(known.st_mode))
