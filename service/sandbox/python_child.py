"""Start the service's own Python modules as children: the one place that knows how."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from service.sandbox.confinement import NOTHING_ELSE, PACKAGES, Access
from service.sandbox.process import ChildLimits, Companion, Finished, run_child
from service.settings import models_environment

LAUNCHER = (sys.executable, "-P", "-s", "-m", "service.sandbox.confine")
"""Confines itself and then runs the module: one process, and one start of Python."""


def run_module(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    limits: ChildLimits,
    on_wait: Callable[[], None] = lambda: None,
    env: Mapping[str, str] = MappingProxyType({}),
    *,
    access: Access,
) -> Finished:
    """Run `python -m <module>` to its end.

    Args:
        folder: existing; where it runs and where its logs go.
        on_wait, env, access: see `run_child`.

    Raises:
        EngineTimeout, EngineUnavailable: see `run_child`.
    """
    return run_child(
        ["-m", module, *arguments],
        cwd=folder,
        log_dir=folder,
        limits=limits,
        on_wait=on_wait,
        env={**_environment(), **env},
        access=access,
        launcher=LAUNCHER,
    )


def start_companion(
    module: str, folder: Path, log: Path, limits: ChildLimits, access: Access = NOTHING_ELSE
) -> Companion:
    """Start `python -m <module>` as a child that stays and answers over a socket; see `Companion`."""
    return Companion(
        ["-m", module], cwd=folder, log=log, limits=limits, env=_environment(), access=access, launcher=LAUNCHER
    )


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1", **models_environment()}
