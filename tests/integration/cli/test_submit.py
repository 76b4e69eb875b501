"""Files through a real service by the command line: sent once, followed, and brought back whole."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from infra.local.demo_media import make_clip
from infra.local.stack import REPOSITORY, LocalStack, StackOptions
from service.client import Client, sha256_of
from service.jobs.names import file_name
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import clip, jpeg
from tests.integration.cli.conftest import CommandLine
from tests.integration.web.conftest import service_command

SHADES = itertools.count(10, 10)


@dataclass(frozen=True)
class Remote:
    """The service, and its client as people use it."""

    stack: LocalStack
    key: str

    @property
    def url(self) -> str:
        return self.stack.service_url

    @property
    def environ(self) -> dict[str, str]:
        return {"SERVICE_URL": self.url, "SERVICE_API_KEY": self.key}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command as a process of its own, to be interrupted."""
        return subprocess.Popen(
            [sys.executable, "-m", "service", *arguments],
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path, **environ: str) -> Result:
        """A command in this process."""
        return CommandLine(self.environ)(*map(str, arguments), **environ)

    def lines(self, *arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
        done = self.run(*arguments, "--json")
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    def answered(self, method: str, part_of_path: str) -> list[dict[str, Any]]:
        """The server's own lines about requests."""
        lines = [json.loads(line) for line in self.stack.web.log_since_start().splitlines() if line.startswith("{")]
        asked = [line for line in lines if line["event"] == "request.answered" and line["method"] == method]
        return [line for line in asked if part_of_path in line["path"]]


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("remote")
    keys = folder / "keys"
    made = service_command("key", "new", "--name", "lab", "--file", str(keys))
    extra = {"API_KEYS_FILE": str(keys), "RATE_LIMIT_PER_MINUTE": "0", "WEB_WORKERS": "1", "MAX_MEDIA_MB": "8"}
    options = StackOptions(run_folder=folder / "run", with_functions=False, extra_env=extra, storage_in_memory=True)
    with LocalStack(options) as stack:
        yield Remote(stack, made.stdout.strip())


def test_a_path_bytes_an_array_and_a_pil_picture_give_the_same_faces_at_once(remote: Remote) -> None:
    opened = Image.open(ASTRONAUT).convert("RGB")
    pictures = [ASTRONAUT, str(ASTRONAUT), ASTRONAUT.read_bytes(), np.asarray(opened), opened]
    with Client(remote.url, remote.key) as client:
        answers = [client.analyse_image(picture) for picture in pictures]
        [found] = client.detect(ASTRONAUT)
    assert {(answer.width, answer.height) for answer in answers} == {opened.size}
    assert len({answer.faces[0].model_dump_json() for answer in answers}) == 1
    [face] = answers[0].faces
    assert (found.box, found.keypoints) == (face.box, face.keypoints)
    assert face.action_units["AU12_r"].intensity is not None
    assert repr(face) == f"<AnalysedFace at {face.box}, confidence {face.confidence:.2f}>"


def test_an_upload_needs_neither_name_nor_hash(remote: Remote, tmp_path: Path) -> None:
    [file] = _media(tmp_path / "unnamed", 2)[1:]
    with Client(remote.url, remote.key) as client:
        there = client.upload_own(file)
        assert client.find_upload(file.name, sha256_of(file)) == there
        assert client.upload_own(file) == there


def _assert_whole(folder: Path) -> dict:
    manifest = json.loads((folder / "manifest.json").read_text())
    [csv] = folder.glob("*.csv")
    assert hashlib.sha256(csv.read_bytes()).hexdigest() == manifest["csv"]["sha256"]
    assert not list(folder.glob(".part-*"))
    return manifest


def _media(folder: Path, count: int) -> list[Path]:
    """Make `count` files, whose bytes differ from those of any other test by the folder's mark."""
    folder.mkdir()
    mark = str(folder).encode()
    (folder / "face.png").write_bytes(ASTRONAUT.read_bytes() + mark)
    (folder / "clip.mp4").write_bytes(clip(frames=5, shade=next(SHADES)))
    for number in range(count - 2):
        (folder / f"{number}.jpg").write_bytes(jpeg(20 + number) + mark)
    return sorted(folder.iterdir())


def test_twelve_files_are_sent_and_a_repeated_call_resumes(remote: Remote, tmp_path: Path) -> None:
    files = _media(tmp_path / "media", 12)
    out = tmp_path / "out"
    code, lines = remote.lines("submit", *files, "--out", out, "--media-type", "posed", "--no-report")
    assert code == 0
    assert Counter(line["outcome"] for line in lines) == {"downloaded": 12}
    assert {line["file"] for line in lines} == {file.name for file in files}
    for file in files:
        manifest = _assert_whole(out / file.name)
        assert manifest["media"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert manifest["job"]["media_type"] == "posed"
    assert json.loads((out / "face.png" / "manifest.json").read_text())["faces"] == 1

    uploads = len(remote.answered("PUT", "/uploads"))
    downloads = len(remote.answered("GET", "/result.csv"))
    (out / "0.jpg" / "0.csv").unlink()
    cut = out / "face.png" / "face.csv"
    cut.write_bytes(cut.read_bytes()[:-10])
    code, lines = remote.lines("submit", *files, "--out", out, "--media-type", "posed", "--no-report")
    assert code == 0
    again = {line["file"] for line in lines if line["outcome"] == "downloaded"}
    assert again == {"0.jpg", "face.png"}
    assert Counter(line["outcome"] for line in lines) == {"downloaded": 2, "kept": 10}
    _assert_whole(out / "face.png")
    assert len(remote.answered("PUT", "/uploads")) == uploads
    assert len(remote.answered("GET", "/result.csv")) == downloads + 2

    # Other options are another job of the same upload, in the place of the one before.
    code, [line] = remote.lines(
        "submit", files[0], "--out", out, "--media-type", "posed", "--faces", "one", "--no-report"
    )
    assert (code, line["outcome"]) == (0, "downloaded")
    assert _assert_whole(out / files[0].name)["job"]["options"]["faces"] == "one"
    assert len(remote.answered("PUT", "/uploads")) == uploads


def test_ctrl_c_ends_submit_at_once_and_a_repeated_call_resumes(remote: Remote, tmp_path: Path) -> None:
    file = tmp_path / "moving.mp4"
    make_clip(ASTRONAUT, file, frames=45)
    arguments = ("submit", str(file), "--no-report", "--out", str(tmp_path / "out"))
    uploads = len(remote.answered("PUT", "/uploads"))
    with remote.start(*arguments) as process:
        _until(lambda: any(line["status"] == 202 for line in remote.answered("POST", "/analyse/video/wild/")))
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert time.monotonic() - began < 15
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert not list((tmp_path / "out").rglob("*.csv"))
    code, [line] = remote.lines(*arguments)
    assert (code, line["outcome"]) == (0, "downloaded")
    assert _assert_whole(tmp_path / "out" / "moving.mp4")["frames"]["written"] == 45
    assert line["job"]["blob"] == f"{hashlib.sha256(file.read_bytes()).hexdigest()}/moving.mp4"
    assert line["job"]["container"].startswith("uploads-lab-20")
    assert len(remote.answered("PUT", "/uploads")) == uploads + 1


def test_a_failed_file_is_reported_and_the_rest_is_done(remote: Remote, tmp_path: Path) -> None:
    good = _media(tmp_path / "media", 3)
    bad, long = tmp_path / "media" / "bad.jpg", tmp_path / "media" / "long.mp4"
    bad.write_bytes(b"no picture")
    long.write_bytes(bytes(9 << 20))
    code, lines = remote.lines("submit", tmp_path / "media", "--out", tmp_path / "out", "--no-report")
    assert code == 1
    by_file = {line["file"]: line for line in lines}
    assert {by_file[file.name]["outcome"] for file in good} == {"downloaded"}
    assert by_file["bad.jpg"]["error"]["code"] == "unreadable_media"
    assert by_file["long.mp4"]["error"]["code"] == "request_entity_too_large"
    # What `collect` names later.
    assert json.loads((tmp_path / "out" / "bad.jpg" / "manifest.json").read_text())["outcome"] == "failed"
    assert not list((tmp_path / "out" / "bad.jpg").glob("*.csv"))


def test_submitted_jobs_can_be_listed_watched_and_downloaded(remote: Remote, tmp_path: Path) -> None:
    files = _media(tmp_path / "media", 3)
    code, sent = remote.lines("submit", *files, "--no-wait")
    assert code == 0
    assert {line["outcome"] for line in sent} == {"submitted"}
    [container] = {line["job"]["container"] for line in sent}
    ids = {line["job"]["id"] for line in sent}

    done = remote.run("watch", *ids)
    assert done.exit_code == 0
    assert done.stderr.count("succeeded") == 3
    # The container has the jobs of other tests' files as well.
    _, told = remote.lines("status", container)
    assert {(job["id"], job["state"]) for job in told} >= {(id_, "succeeded") for id_ in ids}
    assert remote.run("status", sorted(ids)[0]).stdout.splitlines()[1].split()[:2] == [sorted(ids)[0], "succeeded"]

    code, brought = remote.lines("download", *sorted(ids), "--out", tmp_path / "out", "--no-report")
    assert code == 0
    assert {line["job"]["id"] for line in brought} == ids
    for line in brought:
        folder = Path(line["csv"]).parent
        assert folder.name == f"{file_name(line['job']['blob'])}~{line['job']['id'][:12]}"
        _assert_whole(folder)
        assert not (folder / "report.html").exists()
    # The report comes later, and nothing else with it.
    one = min(ids)
    downloads = len(remote.answered("GET", "/result.csv"))
    _, [again] = remote.lines("download", one, "--out", tmp_path / "out")
    assert again["outcome"] == "kept"
    folder = Path(again["csv"]).parent
    assert one in (folder / "report.html").read_text()
    assert json.loads((folder / "summary.json").read_text())
    assert len(remote.answered("GET", "/result.csv")) == downloads


def test_a_folder_is_sent_as_one_sequence(remote: Remote, tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    _media(folder, 5)
    (folder / "clip.mp4").unlink()
    code, [line] = remote.lines("submit", "--sequence", folder, "--out", tmp_path / "out", "--no-report")
    assert (code, line["outcome"], line["job"]["media"], line["job"]["blob"]) == (0, "downloaded", "sequence", "takes")
    manifest = _assert_whole(tmp_path / "out" / "takes")
    assert manifest["media"]["files"] == ["0.jpg", "1.jpg", "2.jpg", "face.png"]
    uploads = len(remote.answered("PUT", "/uploads/"))
    code, [line] = remote.lines("submit", "--sequence", folder, "--out", tmp_path / "out", "--no-report")
    assert (code, line["outcome"]) == (0, "kept")
    assert len(remote.answered("PUT", "/uploads/")) == uploads


def test_mistakes_are_reported(remote: Remote, tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(jpeg(3))
    refused = remote.run("submit", picture, SERVICE_API_KEY="mak_wrong")
    assert refused.exit_code == 1
    assert "(unauthorized)" in refused.stderr
    key = tmp_path / "key"
    key.write_text(f"{remote.key}\n")
    nothing = remote.run("status", "nothing-here", "--key-file", key, SERVICE_API_KEY="")
    assert (nothing.exit_code, "(no_jobs)" in nothing.stderr) == (1, True)
    missing = remote.run("status", "0" * 32)
    assert (missing.exit_code, "(job_not_found)" in missing.stderr) == (1, True)
    impossible = remote.run("submit", picture, "--au", "dynamic")
    assert (impossible.exit_code, "(bad_option)" in impossible.stderr) == (1, True)
    assert remote.run("submit", Path(__file__)).exit_code == 1
    assert remote.run("submit", picture, SERVICE_URL="ftp://x").exit_code == 2
    log = remote.stack.web.log_since_start()
    assert remote.key not in log


def test_callbacks_reach_the_service_which_refuses_hosts_that_it_does_not_name(remote: Remote, tmp_path: Path) -> None:
    [file, _] = _media(tmp_path / "called", 2)
    addresses = ("https://hooks.example.org/one", "https://hooks.example.org/two")
    code, [line] = remote.lines("submit", file, *(word for each in addresses for word in ("--callback", each)))
    assert (code, line["outcome"], line["error"]["code"]) == (1, "failed", "callbacks_off")


def _until(reached, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.05)


def test_a_study_is_named_once_and_files_that_are_kept_join_it_too(remote: Remote, tmp_path: Path) -> None:
    files, out = _media(tmp_path / "of-a-study", 3), tmp_path / "out"
    code, _ = remote.lines("submit", files[0], "--out", out, "--no-report")
    assert code == 0
    code, lines = remote.lines("submit", *files, "--out", out, "--no-report", "--study", "pilot")
    assert code == 0
    assert Counter(line["outcome"] for line in lines) == {"kept": 1, "downloaded": 2}
    with Client(remote.url, remote.key) as client:
        assert {job.id for job in client.jobs(study="pilot")} == {line["job"]["id"] for line in lines}
    code, lines = remote.lines("submit", *files, "--no-wait", "--study", "No Name")
    assert code != 0
