"""`report`: of results in folders, with the picture where the media is at hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.__main__ import main
from tests.conftest import ASTRONAUT
from tests.fixtures.reports_made import Made
from tests.integration.cli.conftest import _logging_as_it_was

# Together, since making the reports of the fixtures takes seconds.
pytestmark = pytest.mark.xdist_group("reports")


def run(*arguments: object) -> Result:
    with _logging_as_it_was():
        return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_reports_are_made_beside_their_tables(portrait: Made, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    # Found by its content, whatever it is called now.
    shutil.copy(ASTRONAUT, elsewhere / "renamed.bin")
    # As downloaded: the manifest in the folder of its attempt.
    folder = out / "some" / "job"
    (folder / "a1").mkdir(parents=True)
    shutil.copy(portrait.csv, folder)
    shutil.copy(portrait.folder / "manifest.json", folder / "a1")
    done = run("report", out, "--media", elsewhere, "--confidence", "0.9")
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(folder / "report.html")
    assert "data:image/jpeg;base64," in (folder / "report.html").read_text("utf-8")
    assert json.loads((folder / "summary.json").read_text("utf-8"))["gate"]["confidence"] == 0.9
    assert {"methods.txt", "citation.bib"} <= {path.name for path in folder.iterdir()}


def test_missing_and_broken_results_are_errors(tmp_path: Path) -> None:
    done = run("report", tmp_path)
    assert done.exit_code == 1
    assert "no results found" in done.output
    (tmp_path / "bad.csv").write_text("face,confidence\n0\n")
    (tmp_path / "manifest.json").write_text(json.dumps({"csv": {"name": "bad.csv"}}))
    done = run("report", tmp_path)
    assert done.exit_code == 1
    assert "report_failed" in done.output
