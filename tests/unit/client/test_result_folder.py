"""Results in folders: whole or absent, under safe names."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.wrappers import Response

from service.client.client import Client
from service.client.result_folder import LONGEST_NAME, NotWhole, ResultFolder, safe_name
from tests.cloud_function.stand_in import serving
from tests.fixtures.scripted_service import JOB, TABLE, Scripted, results_of, said


@pytest.mark.parametrize(
    ("sent", "media_sha256", "why"),
    [(TABLE[:-3], "m", "SHA-256"), (TABLE, "other", "other bytes")],
)
def test_downloads_with_a_wrong_hash_are_deleted(tmp_path: Path, sent: bytes, media_sha256: str, why: str) -> None:
    script = {
        f"GET /jobs/{JOB}/results": [said(results_of(TABLE))],
        f"GET /jobs/{JOB}/result.csv": [Response(sent)],
    }
    server = Scripted(script=script)
    folder = ResultFolder(tmp_path / "a")
    with serving(server), Client(server.url) as client, pytest.raises(NotWhole, match=why):
        folder.download(client, JOB, media_sha256=media_sha256)
    assert folder.manifest() is None
    assert not list(tmp_path.rglob("*.*"))


def test_a_download_replaces_the_older_result_and_its_report(tmp_path: Path) -> None:
    script = {
        f"GET /jobs/{JOB}/results": [said(results_of(TABLE))],
        f"GET /jobs/{JOB}/result.csv": [Response(TABLE)],
        f"GET /jobs/{JOB}/report.html": [Response("<p>report")],
    }
    folder = ResultFolder(tmp_path / "a")
    folder.path.mkdir()
    for old in ("old.csv", "summary.json", "mine.txt"):
        (folder.path / old).write_text("old")
    server = Scripted(script=script)
    with serving(server), Client(server.url) as client:
        folder.download(client, JOB, media_sha256="m")
    files = sorted(file.name for file in folder.path.iterdir())
    assert files == ["a.csv", "manifest.json", "mine.txt", "report.html"]
    assert folder.manifest() == results_of(TABLE)["manifest"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.csv", "a.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\x.csv", "x.csv"),
        ("..", "_"),
        ("", "_"),
        (".hidden", "hidden"),
        ("a\nb\x1b[31m\u202e.csv", "a_b_[31m_.csv"),
        ('<script>"|?*:.csv', "_script______.csv"),
        ("é" * 300 + ".csv", "é" * ((LONGEST_NAME - 4) // 2) + ".csv"),
        ("表" * 300, "表" * (LONGEST_NAME // 3)),
    ],
)
def test_remote_names_become_safe_file_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe
