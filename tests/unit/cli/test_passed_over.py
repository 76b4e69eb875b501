"""Files that are left out: each named with its reason, of very many some."""

from __future__ import annotations

import pytest

from service.cli.passed_over import MOST_NAMED, report_passed_over
from service.jobs.media_files import PassedOver


def test_each_file_is_named_with_its_reason_and_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report_passed_over([PassedOver("a\x1b[31m.txt", "no media")])
    assert capsys.readouterr() == ("", "not taken: a\\x1b[31m.txt: no media\n")


def test_of_very_many_the_first_are_named_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    report_passed_over([PassedOver(f"{number}.txt", "no media") for number in range(MOST_NAMED + 3)])
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (MOST_NAMED + 1, "not taken: 0.txt: no media", "not taken: and 3 more")
    report_passed_over([])
    assert capsys.readouterr().err == ""
