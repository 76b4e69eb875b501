"""README names targets and pages that exist."""

from __future__ import annotations

import re
from pathlib import Path

from infra.docs import ROOT_DOCUMENTS

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text("utf-8")


def test_the_make_targets_of_readme_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    for target in re.findall(r"`?make ([a-z-]+)`?", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text("utf-8")


def test_the_links_of_readme_lead_somewhere() -> None:
    for path in re.findall(r"\]\(([^):#]+)\)", README):
        assert (REPOSITORY / path).exists(), path


def test_readme_is_a_screen() -> None:
    assert len(README.splitlines()) <= 90


def test_the_files_that_documents_name_exist() -> None:
    # The copies that the site is built of speak of earlier releases as well.
    for page in {*(REPOSITORY / "docs").glob("*.md")} - {
        REPOSITORY / "docs" / name for name in ROOT_DOCUMENTS.values()
    }:
        for path in re.findall(
            r"`((?:service|infra|openface_lite|cloud_function|benchmarks|examples)/[\w/.-]+)`", page.read_text("utf-8")
        ):
            assert (REPOSITORY / path).exists() or path.endswith("/.env"), (page.name, path)
