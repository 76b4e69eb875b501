"""Reports made once a run: of an OpenFace table with a clip, and of a portrait by the embedded analyser."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.__main__ import main
from service.results.report.files import BIBLIOGRAPHY, FILES, METHODS, REPORT, SUMMARY
from service.results.report.make import ReportMaker, ReportRequest
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import clip
from tests.fixtures.results_made import manifest_of, write_table
from tests.integration.cli.conftest import _logging_as_it_was

HOSTILE = "<script>alert(1)</script>=cmd|' /C calc'!A1 \u202e\"onload=x&amp;{{7*7}}.mp4"
FRAMES = 300


class Page(HTMLParser):
    """What a test looks for in a page: tables by caption, text, ids, tags, and what it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.handlers: list[str] = []
        self.rows: dict[tuple[str, str], list[str]] = {}
        self._words: list[str] = []
        self._table = self._row = ""
        self._cell = False
        self.feed(html)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.references += [given[name] for name in ("href", "src", "xlink:href", "action") if name in given]
        self.handlers += [name for name in given if name.startswith("on")]
        if tag == "table":
            self._table = given.get("id") or given.get("class", "")
        elif tag == "tr":
            self._row = given.get("data-unit") or given.get("data-of", "")
            self.rows.setdefault((self._table, self._row), [])
        elif tag in ("td", "th"):
            self._cell = True
            self.rows[self._table, self._row].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._cell:
            self.rows[self._table, self._row][-1] += data


@dataclass(frozen=True)
class Made:
    """The files of one report, and what they were made of."""

    csv: Path
    manifest: dict[str, Any]
    folder: Path

    @property
    def html(self) -> str:
        return (self.folder / REPORT).read_text("utf-8")

    @property
    def page(self) -> Page:
        return Page(self.html)

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / SUMMARY).read_text("utf-8")))

    @property
    def methods(self) -> str:
        return (self.folder / METHODS).read_text("utf-8")

    @property
    def bibliography(self) -> str:
        return (self.folder / BIBLIOGRAPHY).read_text("utf-8")


def write_report(request: ReportRequest, folder: Path, maker: ReportMaker | None = None) -> dict[str, Path]:
    """Make a report in a folder; returns its files by name."""
    with closing(maker or ReportMaker([request.csv, *([request.upload] if request.upload else [])])) as used:
        for name, content in used.make(request).items():
            (folder / name).write_bytes(content)
    return {name: folder / name for name in FILES}


@pytest.fixture(scope="session")
def openface(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Of a clip under a hostile name, with a table that OpenFace might have written."""
    folder = tmp_path_factory.mktemp("openface")
    csv = write_table(folder / "clip.csv", FRAMES)
    upload = folder / "upload"
    upload.write_bytes(clip(FRAMES, rate=30))
    manifest = manifest_of(csv, FRAMES, blob=HOSTILE)
    write_report(ReportRequest(csv, manifest, upload), folder)
    return Made(csv, manifest, folder)


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Of the portrait, as `analyse --report` makes it with the embedded analyser."""
    out = tmp_path_factory.mktemp("portrait")
    with _logging_as_it_was():
        done = CliRunner().invoke(main, ["analyse", str(ASTRONAUT), "--report", "--out", str(out)])
    assert done.exit_code == 0, done.output
    folder = out / ASTRONAUT.name
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    return Made(folder / "astronaut.csv", manifest, folder)
