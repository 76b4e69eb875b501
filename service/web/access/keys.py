"""API keys and their scopes.

An entry is `<name>:<scope>+<scope>:<SHA-256 of the key>`; the key itself is not kept. A key is 256 random bits, too
many to guess, so a plain hash is enough: a slow hash protects passwords that people choose, and here would only slow
down every request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from service.logs import log
from service.settings import BadSettings, Settings

Scope = Literal["analyse", "analyse:own", "read", "read:own", "identity", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
OWN: dict[Scope, Scope] = {"analyse": "analyse:own", "read": "read:own"}
"""Scopes that are narrowed to the jobs and uploads of the key itself, by the scope of all."""

# Lets people and secret scanners recognise a key, and keeps it from beginning with a dash. Keys are looked up by their
# hash alone, so that older ones (`mak_`) stay valid.
PREFIX = "fl_"
RANDOM_BYTES = 32

EMPTY_S = 1.0
"""How long a keys file has to be empty before its keys are gone: rewriting in place empties it first."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


class BadKeys(BadSettings):
    """Invalid entries; the message never quotes one, since it may be a key entered by mistake."""


@dataclass(frozen=True)
class Key:
    """A caller's key: name, scopes and hash."""

    name: str
    scopes: frozenset[Scope]
    digest: bytes = field(repr=False)

    def may(self, scope: Scope) -> bool:
        """Whether the key has the scope; `admin` includes all."""
        return scope in self.scopes or "admin" in self.scopes

    def may_for_own(self, scope: Scope) -> bool:
        """Whether the key has the scope for its own jobs and uploads."""
        return OWN.get(scope) in self.scopes

    @property
    def entry(self) -> str:
        """The key's entry in API_KEYS or the keys file."""
        scopes = "+".join(scope for scope in SCOPES if scope in self.scopes)
        return f"{self.name}:{scopes}:{self.digest.hex()}"


def new_key(name: str, scopes: Iterable[Scope]) -> tuple[str, Key]:
    """Make a key: its text, which is shown once, and its entry. Raises BadKeys."""
    text = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    return text, Key(check_name(name), frozenset(scopes), _digest(text))


def check_name(name: str) -> str:
    """Return the name if it can stand in an entry. Raises BadKeys."""
    if not _NAME.fullmatch(name):
        raise BadKeys("a key's name has 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', and begins with a letter or digit")
    return name


def parse_entry(text: str) -> Key:
    """Read one entry. Raises BadKeys."""
    if text.count(":") < 2:
        raise BadKeys("an entry is <name>:<scope>+<scope>:<SHA-256 of the key in hex>")
    # Scopes hold colons, names and hashes do not.
    name, _, rest = text.partition(":")
    scopes, _, digest = rest.rpartition(":")
    known = set(scopes.split("+"))
    if not known <= set(SCOPES):
        raise BadKeys(f"scopes are {', '.join(SCOPES)}, joined by '+'")
    if not _DIGEST.fullmatch(digest):
        raise BadKeys("a hash is 64 hex digits; `python -m service key new` makes one")
    return Key(check_name(name), cast("frozenset[Scope]", frozenset(known)), bytes.fromhex(digest))


def parse_line(line: str) -> Key | None:
    """Read a line of the keys file; None where it holds only a comment. Raises BadKeys."""
    text = line.partition("#")[0].strip()
    return parse_entry(text) if text else None


class KeyRing:
    """The valid keys.

    The file is read again for each request and parsed where it has changed: it is small, and a time stamp can miss a
    change.
    """

    def __init__(self, inline: tuple[Key, ...] = (), file: Path | None = None) -> None:
        self._inline = inline
        self._file = file
        self._lock = threading.Lock()
        self._contents: bytes | str | None = None
        self._keys = inline
        self._empty_since: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> KeyRing:
        """Build the ring of the settings' keys; the file is not read yet. Raises BadKeys."""
        return cls(_inline(settings), settings.api_keys_file)

    @property
    def asks(self) -> bool:
        """Whether callers need a key; true also where the file has none yet."""
        return bool(self._inline) or self._file is not None

    def check(self) -> None:
        """Read the file. Raises BadKeys where it is not valid."""
        if self._file is not None:
            self._parsed(_contents(self._file))

    def find(self, presented: str) -> Key | None:
        """Find the key that was presented.

        Every entry is compared, each in constant time, so that the time taken reveals nothing about any of them.
        """
        digest = _digest(presented)
        found = None
        for key in self.current():
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def current(self) -> tuple[Key, ...]:
        """Return all valid keys."""
        with self._lock:
            if self._file is not None:
                self._reload(self._file)
            return self._keys

    def _reload(self, file: Path) -> None:
        """Load a changed file. An invalid one changes nothing, and is logged once."""
        contents = _contents(file)
        if contents == self._contents or self._is_being_written(contents):
            return
        self._contents = contents
        try:
            self._keys = self._parsed(contents)
        except BadKeys as error:
            log.error("keys.file_refused", file=str(file), error=str(error), kept=[key.name for key in self._keys])
            return
        log.info("keys.read", file=str(file), names=[key.name for key in self._keys])

    def _is_being_written(self, contents: bytes | str) -> bool:
        """Whether the file is empty and was not a moment ago."""
        if contents:
            self._empty_since = None
            return False
        now = time.monotonic()
        if self._empty_since is None:
            self._empty_since = now
        return now - self._empty_since < EMPTY_S

    def _parsed(self, contents: bytes | str) -> tuple[Key, ...]:
        """Parse all keys from the file's contents, or from the reason why it cannot be read. Raises BadKeys."""
        where = f"API_KEYS_FILE: {self._file}"
        if isinstance(contents, str):
            raise BadKeys(f"{where} cannot be read: {contents}")
        try:
            return _distinct([*self._inline, *parse_lines(contents.decode("utf-8").splitlines())])
        except UnicodeDecodeError as error:
            raise BadKeys(f"{where} is not UTF-8 text") from error
        except BadKeys as error:
            raise BadKeys(f"{where}: {error}") from error


def parse_lines(lines: Iterable[str]) -> list[Key]:
    """Parse the lines of a keys file, each with one entry or more. Raises BadKeys with the number of the line."""
    keys = []
    for number, line in enumerate(lines, 1):
        # A secret that was written for API_KEYS, where blanks or commas stand between the entries, may be mounted.
        for entry in re.split(r"[\s,]+", line.partition("#")[0].strip(" \t\r\n,")):
            try:
                key = parse_line(entry)
            except BadKeys as error:
                raise BadKeys(f"line {number}: {error}") from error
            if key:
                keys.append(key)
    return keys


def _inline(settings: Settings) -> tuple[Key, ...]:
    if settings.api_keys is None:
        return ()
    entries = re.split(r"[\s,]+", settings.api_keys.get_secret_value().strip(" \t\r\n,"))
    keys = []
    for number, entry in enumerate(entries, 1):
        try:
            keys.append(parse_entry(entry))
        except BadKeys as error:
            raise BadKeys(f"API_KEYS: entry {number}: {error}") from error
    try:
        return _distinct(keys)
    except BadKeys as error:
        raise BadKeys(f"API_KEYS: {error}") from error


def _distinct(keys: list[Key]) -> tuple[Key, ...]:
    """Return the keys if names and hashes are unique: else a revoked key could stay valid under another entry."""
    if len({key.name for key in keys}) < len(keys):
        raise BadKeys("two keys have the same name")
    if len({key.digest for key in keys}) < len(keys):
        raise BadKeys("the same key is there twice")
    return tuple(keys)


def _contents(file: Path) -> bytes | str:
    """Read the file; returns its bytes, or the reason why it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        return error.strerror or type(error).__name__


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
