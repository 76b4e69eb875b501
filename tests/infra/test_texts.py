"""Texts of scripts: which are collected, and which count as forgotten."""

from pathlib import Path

import pytest

from infra.script_texts import marked, unmarked

SCRIPT = """
import { t, tn } from "./Some words.js";
const KEYS = new Set(["two words"]);
const LABELS = { class: "button primary", title: "Zoom in" };
setText(node, count ? tn("{count} face", "{count} faces", count) : t("No face"));
if (state === "handed back") show(`${name} is gone`);
show(error || "no reason given", `${state}`);
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.js"
    path.write_text(SCRIPT)
    return path


def test_texts_are_collected_with_their_plurals(script: Path) -> None:
    assert list(marked(script)) == [("{count} face", "{count} faces"), ("No face", "")]


def test_forgotten_texts_are_found_and_other_literals_are_not(script: Path) -> None:
    assert list(unmarked(script)) == [(4, "Zoom in"), (6, "{} is gone"), (7, "no reason given")]


def test_a_text_that_is_put_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text("t(`Remove ${name}`);")
    with pytest.raises(ValueError, match=r"script\.js:1"):
        list(marked(path))
