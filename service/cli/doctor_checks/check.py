"""The result of one check, with advice where it failed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One line of `doctor`.

    Attributes:
        status: `warning` stops nothing; `skipped` could not be checked, for a reason that another check gives.
        said: the finding.
        advice: how to mend it; empty where nothing is wrong.
        seconds: duration of the check, where it matters.
    """

    name: str
    status: Status
    said: str
    advice: str = ""
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """One line of `--json`."""
        return asdict(self)


def ok(name: str, said: str, *, seconds: float | None = None) -> Check:
    """A check that passed."""
    return Check(name, "ok", said, seconds=None if seconds is None else round(seconds, 3))


def warning(name: str, said: str, advice: str, *, seconds: float | None = None) -> Check:
    """A check that passed with a caveat."""
    return Check(name, "warning", said, advice, None if seconds is None else round(seconds, 3))


def failed(name: str, said: str, advice: str) -> Check:
    """A check that failed, with advice."""
    return Check(name, "failed", said, advice)


def skipped(name: str, because: str) -> Check:
    """A check that could not be made, with the reason."""
    return Check(name, "skipped", because)
