"""Each command starts only the processes that it needs, and loads only its own rooms."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.settings import REPOSITORY
from tests.fixtures.media_made import FAKES, jpeg
from tests.integration.cli.conftest import CommandLine
from tests.integration.worker.conftest import Bench

RECORDED = """
import json, sys
started = []
def record(event, args):
    if event == "subprocess.Popen":
        started.append([str(part) for part in args[1]])
sys.addaudithook(record)
from service.__main__ import main
try:
    main(sys.argv[2:])
finally:
    with open(sys.argv[1], "w") as file:
        json.dump({"started": started, "modules": sorted(sys.modules)}, file)
"""
"""Python's own audit events name every process that is started, by whichever module."""


def recorded(command_line: CommandLine, folder: Path, *command: str, **environ: str) -> dict[str, Any]:
    """Run a command as a process of its own; returns what it started and loaded."""
    answer = folder / "recorded.json"
    done = subprocess.run(
        [sys.executable, "-c", RECORDED, str(answer), *command],
        cwd=REPOSITORY,
        env={**os.environ, **command_line.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.is_file(), done.stderr
    seen = dict(json.loads(answer.read_text()))
    # The standard library asks for the processor's name, for the SDK's user agent.
    seen["started"] = [argv for argv in seen["started"] if argv != ["uname", "-p"]]
    return seen


@pytest.mark.parametrize(
    "command",
    [("sweep", "--grace-minutes", "0"), ("queues",), ("purge", "container", "none", "--dry-run"), ("jobs", "list")],
)
def test_an_operators_command_starts_no_process_and_no_web_framework(
    command_line: CommandLine, bench: Bench, tmp_path: Path, command: tuple[str, ...]
) -> None:
    bench.submit("a.jpg", jpeg())
    seen = recorded(command_line, tmp_path, *command)
    assert seen["started"] == []
    loaded = {name.split(".")[0] for name in seen["modules"]}
    assert loaded.isdisjoint({"flask", "pandas", "cv2", "openface_lite"})
    assert not {"service.engine.lite.interactive", "service.results.report.cache"} & set(seen["modules"])


def test_a_worker_starts_decoder_and_engine_and_no_interactive_analyser(
    command_line: CommandLine, bench: Bench, tmp_path: Path
) -> None:
    job = bench.submit("a.jpg", jpeg())
    seen = recorded(command_line, tmp_path, "worker", "--until-idle", "1", OPENFACE_BIN_DIR=str(FAKES / "ok"))
    assert bench.record(job).state == "succeeded"
    started = [" ".join(argv) for argv in seen["started"]]
    assert any("service.sandbox.decoders" in line for line in started)
    assert any("FaceLandmarkImg" in line for line in started)
    assert not any("service.engine.lite" in line or "service.results.report" in line for line in started)
    assert not {"service.engine.lite.interactive", "service.results.report.cache", "flask"} & set(seen["modules"])
