"""`doctor --engine`: engines that keep the contract pass, and each broken rule is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from service.cli.doctor_checks import engine_contract
from service.cli.doctor_checks.engine_contract import RULES, contract_checks
from service.sandbox.process import ChildLimits
from service.settings import REPOSITORY
from tests.fixtures.media_made import FAKES
from tests.integration.cli.conftest import CommandLine

EXAMPLE = REPOSITORY / "examples" / "engine"
LIMITS = ChildLimits(60, 8 << 30, 1 << 30)


def judged(bin_dir: Path, tmp_path: Path) -> dict[str, str]:
    room = tmp_path / "room"
    room.mkdir()
    return {check.name: check.status for check in contract_checks(bin_dir, room, LIMITS)}


def test_the_example_is_short() -> None:
    assert len((EXAMPLE / "engine.py").read_text().splitlines()) <= 120


@pytest.mark.parametrize("bin_dir", [EXAMPLE, REPOSITORY / "openface_lite" / "bin"], ids=["example", "lite"])
def test_engines_of_this_repository_keep_every_rule(bin_dir: Path, tmp_path: Path) -> None:
    verdicts = judged(bin_dir, tmp_path)
    assert {verdicts[name] for name, *_ in RULES} == {"ok"}
    assert verdicts["score"] == "ok"


MUTATIONS = {
    # a line of the example, its broken form, and the rule that must notice
    "rows without a face": (
        '{"face": face, **values})',
        '{"face": face, **values})\n    output.write(PICTURE, {"face": 9})',
        "picture without a face",
    ),
    "an unreadable picture is not named": ("Could not open the image: {path}", "bad {path}", "unreadable in a run"),
    "exit code 0 over an unreadable picture": (
        "    if picture is None:\n",
        "    if picture is None and exit(0):\n",
        "unreadable in a run",
    ),
    "an unreadable picture has no face": (
        "    if picture is None:\n",
        "    if picture is None and Output(path, number) and exit(0):\n",
        "unreadable alone",
    ),
    "one stem for all": ("stems[number] if", "stems[0] if", "pictures in one run"),
    "no rows of frames without a face": (
        'if COMMAND == "FeatureExtraction":',
        'if COMMAND == "FeatureExtraction" and frame % 2:',
        "video without a face",
    ),
    "frames counted from 0": ('row = {"frame": frame,', 'row = {"frame": frame - 1,', "video with a face"),
    "zeros for what is not measured": ('values.get(column, "")', "values.get(column, 0)", "support of action units"),
    "a column less": ("*range(34)", "*range(33)", "picture with a face"),
    "numbers at random": (
        "min(float(weight) / 6, 1)",
        '__import__("random").random()',
        "same picture again",
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_rule_is_found(mutation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, rule = MUTATIONS[mutation]
    # The other rules run whole engines, and say nothing about this one.
    monkeypatch.setattr(engine_contract, "RULES", [own for own in RULES if own[0] == rule])
    bin_dir = tmp_path / "engine"
    shutil.copytree(EXAMPLE, bin_dir, symlinks=True)
    source = (bin_dir / "engine.py").read_text()
    assert before in source
    (bin_dir / "engine.py").write_text(source.replace(before, after))
    verdicts = judged(bin_dir, tmp_path)
    assert (verdicts[rule], verdicts["score"]) == ("failed", "failed")


def test_the_command_prints_a_score_sheet_and_fails_with_it(tmp_path: Path) -> None:
    done = CommandLine({"WORKSPACE": str(tmp_path)})("doctor", "--engine", str(FAKES / "no_face"), "--json")
    checks = {line["name"]: line["status"] for line in map(json.loads, done.stdout.splitlines())}
    assert done.exit_code == 1
    assert checks["score"] == "failed"
    assert checks["video with many faces"] == "skipped"
    assert "storage" not in checks
