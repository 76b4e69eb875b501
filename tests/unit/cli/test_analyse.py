"""`analyse` without media is an error in words; analysing is in `acceptance/` and `results/test_overlay`."""

from __future__ import annotations

from pathlib import Path

from tests.integration.cli.conftest import CommandLine

run = CommandLine({})


def test_a_folder_without_media_is_an_error_and_names_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("x")
    done = run("analyse", str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    assert (done.exit_code, "no photos or videos found" in done.stderr) == (1, True)
    assert not (tmp_path / "out").exists()


def test_options_that_no_job_has_are_wrong_usage(tmp_path: Path) -> None:
    for option in (("--gallery", "anna"), ("--au", "other"), ("--media-type", "both")):
        assert run("analyse", str(tmp_path), "--out", str(tmp_path), *option).exit_code == 2
    assert run("analyse", str(tmp_path / "none"), "--out", str(tmp_path)).exit_code == 2
