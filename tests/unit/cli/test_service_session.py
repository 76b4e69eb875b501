"""Commands that call a service: the key, each job once, and the outcome of each file in a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.cli.service_session import NoJobs, _key, _line, exit_on_error, jobs_of, progress_display
from service.client.client import Client
from service.client.models import ClientError, RemoteJob, ServiceRefused
from service.client.send import Sent
from tests.integration.cli.conftest import CommandLine

FIELDS = {"stage": "", "progress": 1, "container": "c", "blob": "a.jpg", "media": "image", "media_type": "wild"}


def job(digit: str, state: str = "succeeded") -> RemoteJob:
    return RemoteJob.model_validate(FIELDS | {"id": digit * 32, "state": state})


class Known(Client):
    """Knows some jobs; sends nothing."""

    def __init__(self, jobs: dict[str, list[RemoteJob]]) -> None:
        self._known = jobs

    def job(self, job_id: str) -> RemoteJob:
        return next(each for jobs in self._known.values() for each in jobs if each.id == job_id)

    def jobs(self, **asked: Any) -> Iterator[RemoteJob]:
        return iter(self._known.get(asked["container"], []))


def test_a_job_that_is_named_twice_is_one() -> None:
    client = Known({"c": [job("a"), job("b")]})
    assert [each.id[0] for each in jobs_of(client, ("b" * 32, "c", "b" * 32))] == ["b", "a"]


def test_a_container_without_jobs_is_an_error() -> None:
    with pytest.raises(NoJobs, match="'none' has no jobs"):
        list(jobs_of(Known({}), ("none",)))


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("http://lab.example", True),
        ("https://lab.example", False),
        ("http://127.0.0.1:5000", False),
        ("http://[::1]", False),
    ],
)
def test_a_key_that_travels_in_the_open_is_warned_of(url: str, warns: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert _key(url, None, " mak_x\n") == "mak_x"
    assert ("unencrypted" in capsys.readouterr().err) is warns
    assert _key(url, None, "") == ""
    assert capsys.readouterr().err == ""


def test_a_file_with_a_key_wins_over_the_environment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("mak_file\n")
    assert _key("https://x", tmp_path / "key", "mak_environment") == "mak_file"


def test_a_file_that_holds_no_text_is_named_as_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    done = CommandLine({})("status", "c", "--url", "https://x", "--key-file", str(tmp_path / "key"))
    assert (done.exit_code, "--key-file" in done.stderr, "--url" in done.stderr) == (2, True, False)


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (Sent("a.jpg", "submitted", job("a")), f"submitted  a.jpg: job {'a' * 32}"),
        (
            Sent("a\x1b.jpg", "failed", error=ServiceRefused(403, "forbidden", "no\nreally")),
            "failed     a\\x1b.jpg: no (forbidden)",
        ),
        (Sent("a.jpg", "failed", error=ServiceRefused(500, "odd", "")), "failed     a.jpg:  (odd)"),
        (Sent("a.jpg", "failed"), "failed     a.jpg"),
    ],
)
def test_an_outcome_is_one_line(sent: Sent, line: str) -> None:
    assert _line(sent) == line


def test_a_failed_file_makes_the_exit_code_after_all_were_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, progress_display(2, as_json=True) as display:
        display.watch("a.jpg", "uploading", 0.5)
        display.done(Sent("a.jpg", "failed", error=ClientError("gone")))
        display.done(Sent("b.jpg", "succeeded", job("b")))
    assert ended.value.code == 1
    assert [line[:16] for line in capsys.readouterr().out.splitlines()] == ['{"file": "a.jpg"', '{"file": "b.jpg"']


def test_a_client_error_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, exit_on_error():
        raise ServiceRefused(404, "job_not_found", "there is no job\x1b[2J")
    assert (ended.value.code, capsys.readouterr().err) == (1, "Error: there is no job\\x1b[2J (job_not_found)\n")
