"""Whether everything is there that is needed: each dependency by name, asked, with the seconds that it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.errors import AnalysisError

Ping = Callable[[], object]
"""Raises an AnalysisError where what it asks cannot be used."""


@dataclass(frozen=True)
class Finding:
    """How one dependency answered."""

    ok: bool
    seconds: float
    error: str | None


def findings(pings: Mapping[str, Ping]) -> dict[str, Finding]:
    """Ask one after the other."""
    return {name: _finding(ping) for name, ping in pings.items()}


def _finding(ping: Ping) -> Finding:
    began = time.monotonic()
    error = None
    try:
        ping()
    except AnalysisError as trouble:
        error = trouble.message
    return Finding(error is None, round(time.monotonic() - began, 3), error)
