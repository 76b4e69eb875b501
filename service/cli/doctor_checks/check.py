"""One thing looked at: how it is, and what to do where it is not well."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One line of `doctor`.

    Attributes:
        status: `warning` is worth knowing and stops nothing; `skipped` could not be looked at, for a reason
            that another check tells.
        said: what was found.
        advice: what to do about it; empty where nothing is to be done.
        seconds: how long it took, where that tells something.
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
    """All is well."""
    return Check(name, "ok", said, seconds=None if seconds is None else round(seconds, 3))


def warning(name: str, said: str, advice: str) -> Check:
    """It works, but."""
    return Check(name, "warning", said, advice)


def failed(name: str, said: str, advice: str) -> Check:
    """It does not work, and what to do."""
    return Check(name, "failed", said, advice)


def skipped(name: str, because: str) -> Check:
    """It could not be looked at."""
    return Check(name, "skipped", because)
