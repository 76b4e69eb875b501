"""A report's files from one answer: lengths that cut them apart again, and faults of a table told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from service.results.report.child import _report
from service.results.report.files import FILES, REPORT, SUMMARY
from service.results.report.make import _split
from tests.fixtures.comparable_results import face, result


def asked(folder: Path, **changes: Any) -> tuple[dict[str, Any], bytes]:
    fields = {
        "csv": str(folder / "t.csv"),
        "manifest": json.loads((folder / "manifest.json").read_text()),
        "upload": None,
        "missing": "the upload was deleted.",
        "confidence": 0.75,
        "annotations": {},
        "job_page": "",
    }
    return _report(b"", **(fields | changes))


def test_the_files_are_cut_out_as_they_were_made(tmp_path: Path) -> None:
    folder = result(tmp_path / "a", "image", [face(0, AU12_r=2.5)])
    answer, body = asked(folder)
    made = _split(answer["sizes"], body)
    # Stored in this order: the page comes last.
    assert list(made) == list(FILES)
    summary = json.loads(made[SUMMARY])
    assert summary["faces"][0]["action_units"]["AU12"]["intensity"] == 2.5
    assert b"the upload was deleted." in made[REPORT]
    assert made[REPORT].rstrip().endswith(b"</html>")


def test_a_table_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = result(tmp_path / "a", "image", [face()])
    (folder / "t.csv").write_text("face,confidence\n0\n")
    answer, body = asked(folder)
    assert (list(answer), body) == (["failed"], b"")


def test_an_upload_that_cannot_be_decoded_leaves_the_picture_out(tmp_path: Path) -> None:
    folder = result(tmp_path / "a", "image", [face()])
    (folder / "upload").write_bytes(b"no picture")
    answer, body = asked(folder, upload=str(folder / "upload"))
    assert b"not a picture" in _split(answer["sizes"], body)[REPORT]
