"""Parameters files: what is refused, in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.results.compare.measured import measure_result
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


def test_a_reference_beyond_the_scale_desires_its_end(tmp_path: Path) -> None:
    one = measure_result(result(tmp_path / "a", "image", [face(AU12_r=5.4, AU04_r=-0.2, AU01_r=1.23456)]))
    made = Parameters.from_reference(one, "mean", 0.5)
    desired = {name: unit.desired for name, unit in made.action_units.items()}
    assert desired == {"AU12_r": 5.0, "AU04_r": 0.0, "AU01_r": 1.2346}
    assert "AU02_r" in made.not_measured and "AU12_r" not in made.not_measured


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    one = measure_result(result(tmp_path / "a", "image", [face(AU12_r=2.0)]))
    made = Parameters.from_reference(one, "p95", 0.25)
    (tmp_path / "p.json").write_text(made.as_json())
    assert Parameters.load(tmp_path / "p.json") == made
    assert made.made_from and made.made_from.rows_used == 1


@pytest.mark.parametrize("statistic", ["mean", "median", "p0", "p5", "p95", "p100"])
def test_a_statistic_has_a_name(statistic: str) -> None:
    units = {"AU12_r": {"desired": 1}}
    assert Parameters.model_validate({"statistic": statistic, "action_units": units}).statistic == statistic


@pytest.mark.parametrize("statistic", ["", "max", "p", "p101", "p-1", "p5.5", "means", "p95\n", "p\u0665"])
def test_another_statistic_is_refused(statistic: str) -> None:
    with pytest.raises(ValidationError):
        Parameters.model_validate({"statistic": statistic, "action_units": {"AU12_r": {"desired": 1}}})
