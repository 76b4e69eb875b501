"""Run the command blocks of README and docs that are marked as tested."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result

from infra.local.loopback import free_port, http_status
from infra.local.stack import ADDRESSES_FILE, inherited_environ
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import jpeg
from tests.infra.until import until
from tests.integration.cli.conftest import CommandLine

REPOSITORY = Path(__file__).parents[2]


PAGES = ["README.md", *sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "docs").glob("*.md"))]
OFFLINE, WITH_STACK = "offline", "with make up"


def _blocks(page: str, kind: str) -> str:
    """All command blocks of a page that are marked as tested in this way, as one script."""
    text = (REPOSITORY / page).read_text("utf-8")
    return "\n".join(re.findall(rf"<!-- tested: {kind} -->\n```sh\n(.*?)```", text, re.DOTALL))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the documented commands expect of a checkout after set-up."""
    media = tmp_path / "tests" / "fixtures" / "media"
    media.mkdir(parents=True)
    shutil.copy(ASTRONAUT, media)
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name, words in {"python": "", "faceline": " -m service"}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable}{words} "$@"\n')
        (commands / name).chmod(0o755)
    return tmp_path


@dataclass(frozen=True)
class Up:
    """`make up` in a folder of its own, and what it wrote there."""

    process: subprocess.Popen[str]
    run_folder: Path
    service_url: str


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    argv = [sys.executable, "-m", "infra.local.up", "--run-folder", str(folder), "--port", str(free_port())]
    environ = {**inherited_environ(), "WEB_WORKERS": "1", "DETECT_CHILDREN": "1"}
    with subprocess.Popen(argv, cwd=REPOSITORY, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: (folder / ADDRESSES_FILE).exists() or process.poll() is not None, within_s=60)
            yield Up(process, folder, json.loads((folder / ADDRESSES_FILE).read_text())["service_url"])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _shell(script: str, cwd: Path) -> str:
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(["sh", "-euc", script], cwd=cwd, env=environ, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_every_mark_of_a_tested_block_is_one_that_is_run() -> None:
    marks = {mark for page in PAGES for mark in re.findall(r"<!-- tested: (.*?) -->", (REPOSITORY / page).read_text())}
    assert marks == {OFFLINE, WITH_STACK}


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page, OFFLINE)])
def test_the_documented_local_commands_work(checkout: Path, page: str) -> None:
    printed = _shell(_blocks(page, OFFLINE), checkout)
    assert "analysed  astronaut.png: 1 face" in printed
    names = sorted(path.name for path in (checkout / "results" / "astronaut.png").iterdir())
    assert names == ["astronaut.csv", "manifest.json"]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page, WITH_STACK)])
def test_the_documented_commands_of_a_running_service_work(checkout: Path, up: Up, page: str) -> None:
    script = _blocks(page, WITH_STACK).replace("http://127.0.0.1:8080", up.service_url)
    script = script.replace("infra.local.upload", f"infra.local.upload --run-folder {up.run_folder}")
    printed = _shell(script, checkout)
    for file in re.findall(r" -o (\S+)", script):
        assert (checkout / file).stat().st_size > 1000
    assert printed.count('"keypoints"') == script.count("/api/detect") + script.count('/api/analyse-image" -F')
    assert '"code"' not in printed


def test_up_passes_settings_on_and_ctrl_c_stops_everything(up: Up) -> None:
    up.process.send_signal(signal.SIGINT)
    printed, _ = up.process.communicate(timeout=60)
    assert up.process.returncode == 0
    assert up.service_url in printed
    assert "settings   DETECT_CHILDREN, WEB_WORKERS of this environment" in printed
    assert printed.endswith("stopped\n")
    assert http_status(f"{up.service_url}/healthz") is None
    assert not (up.run_folder / ADDRESSES_FILE).exists()


def _analyse(tmp_path: Path, *arguments: str, **environ: str) -> Result:
    """The command in this process: the shell has shown above that it starts."""
    return CommandLine({"WORKSPACE": str(tmp_path / "workspace"), **environ})("analyse", *arguments)


def test_a_folder_with_a_bad_file_does_the_rest_and_fails(tmp_path: Path) -> None:
    media = tmp_path / "media"
    (media / "deep").mkdir(parents=True)
    shutil.copy(ASTRONAUT, media / "face.png")
    (media / "deep" / "face.jpg").write_bytes(jpeg())
    (media / "bad.jpg").write_bytes(b"bad")
    (media / "notes.txt").write_text("not media")
    done = _analyse(tmp_path, str(media), "--out", str(tmp_path / "out"), "--json", "--media-type", "posed")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert {(line["file"], line["outcome"]) for line in lines} == {
        ("face.png", "analysed"),
        ("deep/face.jpg", "analysed"),
        ("bad.jpg", "failed"),
    }
    by_file = {line["file"]: line for line in lines}
    assert by_file["bad.jpg"]["error"]["code"] == "unreadable_media"
    assert by_file["face.png"]["manifest"]["job"]["media_type"] == "posed"
    assert Path(by_file["deep/face.jpg"]["csv"]).read_text().count("\n") == 1
    assert not list((tmp_path / "out" / "bad.jpg").glob("*.csv"))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["no-such-file.jpg", "--out", "x"], 2, "does not exist"),
        (["--out", "x"], 2, "Missing argument"),
        ([str(REPOSITORY / "README.md"), "--out", "{tmp}/x"], 1, "not known as a picture or a video"),
        ([str(REPOSITORY / "infra" / "__init__.py"), "--help"], 0, "INPUTS are files"),
    ],
)
def test_mistakes_are_reported(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    done = _analyse(tmp_path, *[argument.replace("{tmp}", str(tmp_path)) for argument in arguments])
    assert done.exit_code == code
    assert says in done.stdout + done.stderr


def test_no_engine_is_an_exit_code_of_its_own(tmp_path: Path) -> None:
    done = _analyse(tmp_path, str(ASTRONAUT), "--out", str(tmp_path), OPENFACE_BIN_DIR=str(tmp_path))
    assert done.exit_code == 3
    assert "set OPENFACE_BIN_DIR" in done.stderr


def test_an_unusable_workspace_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = _analyse(tmp_path, str(ASTRONAUT), "--out", str(tmp_path), WORKSPACE=str(tmp_path / "file"))
    assert done.exit_code == 2
    assert "WORKSPACE" in done.stderr
    assert "Traceback" not in done.stderr


def test_links_are_followed_and_what_is_not_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    shutil.copy(ASTRONAUT, tmp_path / "objects" / "abc")
    media = tmp_path / "media"
    media.mkdir()
    (media / "face.png").symlink_to("../objects/abc")
    (media / "._face.png").write_bytes(b"\x00\x05\x16\x07")
    done = _analyse(tmp_path, str(media), "--out", str(media / "out"), "--json")
    assert done.exit_code == 0, done.stderr
    assert [json.loads(line)["outcome"] for line in done.stdout.splitlines()] == ["analysed"]
    assert "not taken: ._face.png: a companion file of macOS" in done.stderr
    again = _analyse(tmp_path, str(media), "--out", str(media / "out"), "--json", "--strict")
    assert again.exit_code == 1
    assert [json.loads(line)["outcome"] for line in again.stdout.splitlines()] == ["kept"]
