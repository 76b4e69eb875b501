"""Start the service's own Python modules as children: the one place that knows how."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from service.sandbox.process import ChildLimits, Companion, Finished, run_child
from service.settings import models_environment

PACKAGES = Path(__file__).resolve().parent.parent.parent
"""The folder above this package, for a child, which inherits no path."""


def run_module(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    limits: ChildLimits,
    on_wait: Callable[[], None] = lambda: None,
    env: Mapping[str, str] = MappingProxyType({}),
) -> Finished:
    """Run `python -m <module>` to its end.

    Args:
        folder: existing; where it runs and where its logs go.
        on_wait, env: see `run_child`.

    Raises:
        EngineTimeout, EngineUnavailable: see `run_child`.
    """
    argv = [*_command(module), *arguments]
    return run_child(argv, cwd=folder, log_dir=folder, limits=limits, on_wait=on_wait, env={**_environment(), **env})


def start_companion(module: str, folder: Path, log: Path, limits: ChildLimits) -> Companion:
    """Start `python -m <module>` as a child that stays and answers over a socket; see `Companion`."""
    return Companion(_command(module), cwd=folder, log=log, limits=limits, env=_environment())


def _command(module: str) -> list[str]:
    return [sys.executable, "-P", "-s", "-m", module]


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1", **models_environment()}
