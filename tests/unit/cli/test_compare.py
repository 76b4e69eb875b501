"""`reference` and `compare`: files in, files and exit codes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.results.compare.measured import measure_result
from service.results.compare.parameters import BadParameters, Parameters
from tests.fixtures.comparable_results import face, result, table
from tests.integration.cli.conftest import CommandLine

run = CommandLine({})


def test_a_reference_is_what_was_measured_and_passes_against_itself(tmp_path: Path) -> None:
    one = result(tmp_path / "a", "image", [face(AU01_r=0.4, AU12_r=2.6, AU12_c=1)])
    file = tmp_path / "p.json"
    assert run("reference", str(one), "--out", str(file), "--tolerance", "0.25").exit_code == 0
    told = json.loads(file.read_text())
    assert told["action_units"] == {
        "AU01_r": {"desired": 0.4, "tolerance": 0.25},
        "AU12_r": {"desired": 2.6, "tolerance": 0.25},
    }
    assert "AU04_r" in told["not_measured"]
    done = run("compare", str(one), "--reference", str(file), "--json")
    assert (done.exit_code, json.loads(done.stdout)["verdict"]) == (0, "pass")
    other = result(tmp_path / "b", "image", [face(AU01_r=0.4, AU12_r=2.86)])
    done = run("compare", str(other / "t.csv"), "--reference", str(file), "--html", str(tmp_path / "r.html"))
    assert done.exit_code == 1
    assert "FAIL  b.jpg: 1 of 2" in done.stdout
    assert "outside by 0.01" in done.stdout
    assert "AU12_r" in (tmp_path / "r.html").read_text()


def test_a_folder_without_a_result_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "torn.csv").write_text(table("image", [face(AU12_r=1.0)])[:-5])
    for name, code in (("empty", "bad_result"), ("x.csv", "bad_result"), ("torn.csv", "malformed_output")):
        done = run("reference", str(tmp_path / name), "--out", str(tmp_path / "p.json"))
        assert (done.exit_code, f"({code})" in done.stderr) == (1, True), done.stderr
    with pytest.raises(BadParameters, match="no action unit"):
        Parameters.from_reference(measure_result(result(tmp_path / "n", "image", [])), "mean", 0.5)
