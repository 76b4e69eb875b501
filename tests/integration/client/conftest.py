"""A service with keys and a worker, and the command line that calls it from elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from infra.local.stack import REPOSITORY, LocalStack, StackOptions
from tests.integration.cli.conftest import CommandLine
from tests.integration.web.conftest import service_command


@dataclass(frozen=True)
class Remote:
    """The service, and its client as people use it."""

    stack: LocalStack
    key: str

    @property
    def url(self) -> str:
        return self.stack.service_url

    @property
    def environ(self) -> dict[str, str]:
        return {"SERVICE_URL": self.url, "SERVICE_API_KEY": self.key}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command as a process of its own, to be interrupted."""
        return subprocess.Popen(
            [sys.executable, "-m", "service", *arguments],
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path, **environ: str) -> Result:
        """A command in this process."""
        return CommandLine(self.environ)(*map(str, arguments), **environ)

    def lines(self, *arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
        done = self.run(*arguments, "--json")
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    def answered(self, method: str, part_of_path: str) -> list[dict[str, Any]]:
        """The server's own lines about requests."""
        lines = [json.loads(line) for line in self.stack.web.log_since_start().splitlines() if line.startswith("{")]
        asked = [line for line in lines if line["event"] == "request.answered" and line["method"] == method]
        return [line for line in asked if part_of_path in line["path"]]


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("remote")
    keys = folder / "keys"
    made = service_command("key", "new", "--name", "lab", "--file", str(keys))
    extra = {"API_KEYS_FILE": str(keys), "RATE_LIMIT_PER_MINUTE": "0", "WEB_WORKERS": "1", "MAX_MEDIA_MB": "8"}
    options = StackOptions(run_folder=folder / "run", with_functions=False, extra_env=extra, storage_in_memory=True)
    with LocalStack(options) as stack:
        yield Remote(stack, made.stdout.strip())
