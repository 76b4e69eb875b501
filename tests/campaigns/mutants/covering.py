"""A plugin of pytest: which passing tests run which lines, and how long each takes.

Loaded by name with its folder on the path, so that it serves any checkout of the project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage import Coverage

FOLDER = Path(os.environ["COVERING_FOLDER"])
# Not the name of a worker of pytest-xdist: a pytest started by such a worker inherits it.
OWN = os.getpid()
SECONDS: dict[str, float] = {}
FAILED: set[str] = set()

# Started on import, since modules run their first lines when the tests' own first import them.
COVERAGE = Coverage(data_file=str(FOLDER / f"{OWN}.coverage"), source=["service"], config_file=False, messages=False)
COVERAGE.set_option("run:relative_files", True)
COVERAGE.set_option("run:disable_warnings", ["no-data-collected", "module-not-imported", "module-not-measured"])
COVERAGE.start()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    COVERAGE.switch_context(item.nodeid)
    yield
    COVERAGE.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    SECONDS[report.nodeid] = SECONDS.get(report.nodeid, 0) + report.duration
    if (report.when == "call" and not report.passed) or report.failed:
        FAILED.add(report.nodeid)
    if report.when == "setup" and report.skipped:
        FAILED.add(report.nodeid)


def pytest_unconfigure() -> None:
    COVERAGE.stop()
    COVERAGE.save()
    passed = {name: seconds for name, seconds in SECONDS.items() if name not in FAILED}
    (FOLDER / f"{OWN}.seconds.json").write_text(json.dumps(passed), "utf-8")
