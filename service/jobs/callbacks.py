"""Addresses that are called when a job ends: checked as stated, and kept on the job's record, outside its identity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from service.errors import BadRequest
from service.settings import Settings

MOST = 5
LONGEST = 500
SEPARATOR = "\n"
"""Between addresses in a record; no address holds it."""
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class CallbackRules:
    """Which addresses may be called.

    Attributes:
        hosts: names; one that begins with a point stands for all names below it.
        allow_private: private and loopback addresses too, and these without TLS.
    """

    hosts: tuple[str, ...]
    allow_private: bool

    @classmethod
    def of(cls, settings: Settings) -> CallbackRules:
        """Read the rules from the settings."""
        hosts = (name.strip().lower().rstrip(".") for name in settings.callback_hosts.split(","))
        return cls(tuple(name for name in hosts if name), settings.callback_allow_private)

    def check(self, address: str) -> Target:
        """Check one address. Raises BadRequest."""
        if not self.hosts:
            raise BadRequest("this service makes no callbacks: CALLBACK_HOSTS names no host", "callbacks_off")
        target = _parsed(address)
        allowed = any(
            target.host == name or (name.startswith(".") and target.host.endswith(name) and target.host != name[1:])
            for name in self.hosts
        )
        if not allowed:
            raise BadRequest(f"the host {target.host[:80]!r} is not among CALLBACK_HOSTS", "callback_host")
        if target.scheme != "https" and not self.allow_private:
            raise BadRequest("a callback is an https address", "bad_callback")
        return target

    def check_all(self, addresses: Sequence[str]) -> str:
        """Check the addresses of a request; returns them as records keep them. Raises BadRequest."""
        if len(addresses) > MOST:
            raise BadRequest(f"{len(addresses)} callbacks are too many; at most {MOST} are called", "bad_callback")
        for address in addresses:
            self.check(address)
        return merged("", addresses)


@dataclass(frozen=True)
class Target:
    """The parts of an address; `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str


def merged(kept: str, more: Iterable[str]) -> str:
    """Add addresses to those of a record, each once."""
    return SEPARATOR.join(dict.fromkeys([*addresses_of(kept), *more]))


def addresses_of(kept: str) -> list[str]:
    """Return the addresses of a record."""
    return kept.split(SEPARATOR) if kept else []


@dataclass(frozen=True)
class CallbackMessage:
    """One call that is to be made."""

    job_id: str
    address: str

    def encode(self) -> str:
        """Return the message's text."""
        return json.dumps({"job_id": self.job_id, "address": self.address})

    @classmethod
    def decode(cls, text: str) -> CallbackMessage | None:
        """Inverse of `encode`; None for anything else."""
        try:
            fields = json.loads(text)
            job_id, address = fields["job_id"], fields["address"]
        except (ValueError, RecursionError, TypeError, KeyError):
            return None
        return cls(job_id, address) if isinstance(job_id, str) and isinstance(address, str) else None


def _parsed(address: str) -> Target:
    """Split an address. Raises BadRequest for one that two readers could read differently."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise BadRequest("a callback is no address", "bad_callback") from error
    # A backslash, a blank or a name before an @ is read as another host by some.
    is_plain = address.isascii() and address.isprintable() and not set(address) & set(" \\@#") and parts.hostname
    if not is_plain or len(address) > LONGEST or parts.scheme not in DEFAULT_PORTS:
        raise BadRequest(
            f"a callback is an https address of at most {LONGEST} characters, without user and fragment", "bad_callback"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, str(parts.hostname).rstrip("."), port or DEFAULT_PORTS[parts.scheme], path)
