"""Parameters files: what is refused, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.results.compare.parameters import BadParameters, Parameters
from tests.fixtures.comparable_results import face, result
from tests.integration.cli.conftest import CommandLine

run = CommandLine({})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Invalid JSON"),
        ('{"action_units": {}}', "at least 1"),
        ('{"action_units": {"AU99_r": {"desired": 1}}}', "AU99_r"),
        ('{"action_units": {"AU12_r": {"desired": 7}}}', "less than or equal to 5"),
        ('{"action_units": {"AU12_r": {"desired": NaN}}}', "AU12_r"),
        ('{"action_units": {"AU12_r": {"desired": 1}}, "statistic": "p101"}', "statistic"),
        ('{"action_units": {"AU12_r": {"desired": 1}}, "more": 1}', "more"),
    ],
)
def test_unusable_parameters_are_errors(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "p.json"
    file.write_text(text)
    with pytest.raises(BadParameters, match=why):
        Parameters.load(file)
    one = result(tmp_path / "a", "image", [face(AU12_r=1.0)])
    done = run("compare", str(one), "--reference", str(file))
    assert (done.exit_code, "(bad_parameters)" in done.stderr) == (1, True)
