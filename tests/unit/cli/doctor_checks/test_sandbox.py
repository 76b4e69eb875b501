"""The sandbox's line: what a child attempts has words, and one that is off is told. A child's own: `test_rounds`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli.doctor_checks import sandbox
from service.cli.doctor_checks.sandbox import KEPT_FROM, sandbox_check
from service.errors import EngineUnavailable
from service.sandbox import confinement
from service.settings import Settings


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the child got of each attempt, in place of a child."""
    got = dict.fromkeys(KEPT_FROM, "")
    monkeypatch.setattr(sandbox, "ask", lambda *_, **__: got)
    return got


@pytest.fixture
def off() -> Iterator[None]:
    confinement.configure(Settings.load({"SANDBOX": "off"}))
    yield
    confinement.configure(Settings.load())


def test_a_child_that_gets_nothing_is_kept_from_all(tmp_path: Path, answered: dict[str, str]) -> None:
    check = sandbox_check(tmp_path)
    assert (check.status, all(words in check.said for words in KEPT_FROM.values())) == ("ok", True)


def test_what_a_child_reaches_is_named(tmp_path: Path, answered: dict[str, str]) -> None:
    answered["connect"] = "connected"
    check = sandbox_check(tmp_path)
    assert check.status == "warning"
    assert check.said.startswith("engine and decoders reach the network; kept from the network (UDP), other files")
    answered.update(dict.fromkeys(KEPT_FROM, "got"))
    assert sandbox_check(tmp_path).said.endswith("kept from nothing")


def test_a_check_that_could_not_be_made_is_no_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise EngineUnavailable("no Python here")

    monkeypatch.setattr(sandbox, "ask", fails)
    assert (sandbox_check(tmp_path).status, sandbox_check(tmp_path).said) == ("warning", "not tried: no Python here")


@pytest.mark.usefixtures("off")
def test_a_sandbox_that_is_off_is_told(tmp_path: Path) -> None:
    check = sandbox_check(tmp_path)
    assert (check.status, check.said[:3], "SANDBOX=off" in check.advice) == ("warning", "off", True)
