"""The order of the checks: what a failure makes pointless is skipped, and named."""

from __future__ import annotations

from pathlib import Path

from service.cli.doctor_checks.rounds import local_checks
from service.settings import Settings
from tests.fixtures.media_made import FAKES

LOCAL = ["workspace", "memory", "engine", "models", "sandbox", "decoders", "probe picture"]


def test_a_missing_engine_fails_and_says_what_to_set(tmp_path: Path) -> None:
    settings = Settings.load({"OPENFACE_BIN_DIR": str(tmp_path), "WORKSPACE": str(tmp_path / "workspace")})
    checks = {check.name: check for check in local_checks(settings)}
    assert list(checks) == LOCAL
    assert checks["engine"].status == "failed"
    assert "set OPENFACE_BIN_DIR" in checks["engine"].said
    assert (checks["models"].status, checks["probe picture"].status) == ("skipped", "skipped")


def test_a_workspace_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    environ = {"WORKSPACE": str(tmp_path / "file"), "OPENFACE_BIN_DIR": str(FAKES / "no_face")}
    checks = {check.name: check for check in local_checks(Settings.load(environ))}
    assert list(checks) == LOCAL
    assert checks["workspace"].status == "failed"
    assert "set WORKSPACE" in checks["workspace"].advice
    assert (checks["decoders"].status, checks["probe picture"].status) == ("skipped", "skipped")
