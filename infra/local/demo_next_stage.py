"""Run the demo's next stage: a receiver that compares each result with a reference made from the portrait.

Separate because it is another party: it knows the function app's call and the storage, and nothing of the demo's jobs.
"""

import json
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from infra.local.azurite import ACCOUNT
from infra.local.demo_results import DemoResult
from infra.local.loopback import HOST, free_port, http_status
from infra.local.part import Part, PartFailed
from infra.local.service_command import run_service
from infra.local.stack import REPOSITORY, LocalStack, inherited_environ

_VERDICTS_WITHIN_S = 30.0
_LOOK_S = 0.1
_FILES = ("verdict.json", "verdict.html")


class NextStage:
    """A receiver of its own process; its address is known before it is started."""

    def __init__(self, folder: Path) -> None:
        self.verdicts = folder / "verdicts"
        self._parameters = folder / "reference.json"
        self._folder = folder
        self._port = free_port()
        self._secret = secrets.token_urlsafe(24)
        self._part: Part | None = None

    @property
    def function_settings(self) -> dict[str, str]:
        """The function app's settings for this receiver."""
        return {"NEXT_STAGE_URL": f"http://{HOST}:{self._port}/", "NEXT_STAGE_SECRET": self._secret}

    def make_reference(self, portrait: Path) -> None:
        """Make the reference from this picture. Raises PartFailed."""
        results = self._folder / "reference"
        for arguments in (
            ("analyse", str(portrait), "--out", str(results), "--json"),
            ("reference", str(results / portrait.name), "--out", str(self._parameters)),
        ):
            if run_service(*arguments, quiet=True):
                raise PartFailed("reference", f"could not be made of {portrait.name}", "")

    def start(self, stack: LocalStack) -> None:
        """Start it beside a running stack, whose results alone it may fetch. Raises PartFailed."""
        results = f"http://{HOST}:{stack.azurite.blob_port}/{ACCOUNT}/results/"
        argv = ["--reference", str(self._parameters), "--out", str(self.verdicts), "--storage-url", results]
        self._part = Part(
            "next-stage",
            [sys.executable, "-m", "service", "next-stage", *argv, "--port", str(self._port)],
            log_file=stack.logs / "next-stage.log",
            environ=inherited_environ() | {"NEXT_STAGE_SECRET": self._secret, "LOG_FORMAT": "json"},
            is_ready=lambda _: http_status(f"http://{HOST}:{self._port}/healthz") == 200,
            folder=REPOSITORY,
        )
        self._part.start()

    def close(self) -> None:
        """Stop it; does nothing where it does not run."""
        if self._part:
            self._part.stop()

    def add_verdicts(self, results: Sequence[DemoResult], check: Callable[[], None]) -> list[DemoResult]:
        """Copy the verdict of each result beside it. Raises PartFailed where one does not come."""
        deadline = time.monotonic() + _VERDICTS_WITHIN_S
        while not all(self._file(result).is_file() for result in results):
            check()
            if self._part:
                self._part.check()
            if time.monotonic() > deadline:
                log_tail = self._part.log_tail() if self._part else ""
                raise PartFailed("next-stage", "was not called for every result", log_tail)
            time.sleep(_LOOK_S)
        for result in results:
            for name in _FILES:
                shutil.copy(self._file(result).with_name(name), result.csv_file.parent)
        return [replace(result, verdict=json.loads(self._file(result).read_text())) for result in results]

    def _file(self, result: DemoResult) -> Path:
        return self.verdicts / result.job_id / _FILES[0]
