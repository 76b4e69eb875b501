"""Faults are put where they are said to be, and are found only where a test looks."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import pytest
from coverage import CoverageData

from tests.campaigns.mutants.mutations import mutations
from tests.campaigns.mutants.sample import Covering, Mutant, cover, is_killed, sampled

SOURCE = '''"""A module."""

MOST = 3


def taken(count: int = 0, *, is_open: bool = True) -> bool:
    if is_open and count <= MOST:
        log.info("taken", count=count)
        return True
    for _ in range(2):
        break
    check(count)
    return False
'''
TEST = """from service.room.door import larger, smaller


def test_the_larger_is_taken():
    assert larger(1, 2) == 2


def test_the_smaller_is_looked_at_only():
    smaller(1, 2)
"""
ROOM = """def larger(a, b):
    return a if a > b else b


def smaller(a, b):
    return a if a < b else b
"""


def test_each_fault_is_a_change_of_one_place_that_still_is_python() -> None:
    source = SOURCE.encode()
    found = [(one.line, one.text) for one in mutations(source)]
    assert found == [
        (3, "(4)"),
        (6, "(False)"),
        (6, "(1)"),
        (7, "(not ((is_open and count <= MOST)))"),
        (7, "(((is_open)) or ((count <= MOST)))"),
        (7, "((count) < (MOST))"),
        (9, "(None)"),
        (9, "(False)"),
        (10, "(3)"),
        (11, "continue"),
        (12, "pass"),
        (13, "(None)"),
        (13, "(True)"),
    ]
    changed = {one.applied(source) for one in mutations(source)}
    assert len(changed | {source}) == len(found) + 1
    assert all(ast.parse(each) for each in changed)


def test_a_fault_is_killed_where_a_test_sees_its_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What these tests themselves inherit when they run side by side.
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    tree = tmp_path / "tree"
    (tree / "service" / "room").mkdir(parents=True)
    # The project itself may be installed, too.
    (tree / "service" / "__init__.py").touch()
    (tree / "service" / "room" / "door.py").write_text(ROOM)
    (tree / "test_door.py").write_text(TEST)
    covering = cover(tree, ["test_door.py"], tmp_path / "covering")
    processes = ("pytest", "gw0", "gw1")
    assert len(list((tmp_path / "covering").glob("*.coverage"))) == len(processes)
    mutants = sampled(tree, ["service/room"], 100, seed=1)
    assert mutants == sampled(tree, ["service/room"], 100, seed=1)
    verdicts = {
        (mutant.mutation.line, mutant.mutation.text): is_killed(tree, mutant, covering.tests(mutant, 10), tmp_path)
        for mutant in mutants
    }
    assert verdicts == {
        (2, "(None)"): True,
        (2, "((a) >= (b))"): False,
        (6, "(None)"): False,
        (6, "((a) <= (b))"): False,
    }
    assert (tree / "service" / "room" / "door.py").read_text() == ROOM


def test_the_cheapest_covering_tests_that_fit_the_time_are_run_or_one(tmp_path: Path) -> None:
    data = CoverageData(str(tmp_path / "1.coverage"))
    for name in ("dear", "cheap", "between", "failing"):
        data.set_context(name)
        data.add_lines({"a.py": [3]})
    data.write()
    (tmp_path / "1.seconds.json").write_text(json.dumps({"dear": 5, "cheap": 1, "between": 2, "elsewhere": 0}))
    mutant = Mutant("a.py", mutations(SOURCE.encode())[0])
    run = {seconds: Covering(tmp_path).tests(mutant, seconds) for seconds in (0.5, 2.5, 3, 8)}
    assert run == {0.5: ["cheap"], 2.5: ["cheap"], 3: ["cheap", "between"], 8: ["cheap", "between", "dear"]}


def test_a_covering_run_that_breaks_off_is_no_sample_without_tests(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    with pytest.raises(RuntimeError, match="not come to its end"):
        cover(tmp_path, ["--no-such-option"], tmp_path / "covering")


def test_a_mutant_is_shown_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SOURCE)
    shown = Mutant("a.py", mutations(SOURCE.encode())[0]).shown(tmp_path)
    assert shown == "a.py:3  MOST = 3  ->  (4)"
