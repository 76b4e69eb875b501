"""`python -m infra.texts [--check]`: collect the pages' texts into the catalogues of `service/web/catalogues/`.

Texts are literals of `_()` and `{% trans %}` in templates, of `marked()` in Python, and of `t()`, `tn()` and `tNodes()`
in scripts; those of errors come from their classes. Translations are kept, texts that are gone are removed. `--check`
changes nothing and names what is missing: marks, texts, translations, placeholders.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import polib
from jinja2.ext import babel_extract

from infra import script_texts
from infra.local.stack import REPOSITORY
from service.web.error_texts import ADVICE, ERRORS, TITLES
from service.web.languages import CATALOGUES, LANGUAGES, SOURCE

WEB = REPOSITORY / "service" / "web"
PLURAL_FORMS = {
    "de": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "zh-Hans": "nplurals=1; plural=0;",
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}|</?\w+[^>]*>|%%")

Texts = dict[tuple[str, str], set[str]]
"""Files of each text, by the text and its plural (empty where it has none)."""


def collected() -> Texts:
    """Collect all texts of the pages."""
    texts: Texts = {}
    for pattern, read in (
        ("templates/*.html", _of_template),
        ("**/*.py", _of_module),
        ("static/*.js", script_texts.marked),
    ):
        for path in sorted(WEB.glob(pattern)):
            for key in read(path):
                texts.setdefault(key, set()).add(path.relative_to(REPOSITORY).as_posix())
    for text in (*ERRORS.values(), *ADVICE.values(), *TITLES.values()):
        texts.setdefault((text, ""), set()).add("service/web/error_texts.py")
    return texts


def _of_template(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        options = {"trimmed": "true", "silent": "false"}
        for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), [], options):
            one, many = message[:2] if isinstance(message, tuple) else (message, "")
            # A variable has no text here: what it holds is marked elsewhere.
            if one:
                yield one, many or ""


def _of_module(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "marked":
            yield str(ast.literal_eval(node.args[0])), ""


def unmarked() -> Iterator[str]:
    """Yield the texts of scripts that are not marked; templates are held to it by a test, which renders them."""
    for path in sorted(WEB.glob("static/*.js")):
        for line, text in script_texts.unmarked(path):
            yield f"{path.relative_to(REPOSITORY).as_posix()}:{line}: {text!r} is not marked for translation"


def update(tag: str, texts: Texts) -> None:
    """Bring a catalogue to the present texts; new ones are empty."""
    path = CATALOGUES / f"{tag}.po"
    old = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    catalogue = polib.POFile(wrapwidth=110)
    catalogue.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": tag,
        "Plural-Forms": PLURAL_FORMS[tag],
    }
    for (one, many), files in sorted(texts.items(), key=lambda item: (min(item[1]), item[0])):
        catalogue.append(_entry(tag, one, many, files, old.get(one)))
    catalogue.save(str(path))


def _entry(tag: str, one: str, many: str, files: set[str], old: polib.POEntry | None) -> polib.POEntry:
    entry = polib.POEntry(msgid=one, msgid_plural=many, occurrences=[(name, "") for name in sorted(files)])
    if many:
        forms = range(int(PLURAL_FORMS[tag][len("nplurals=")]))
        entry.msgstr_plural = {at: (old.msgstr_plural.get(at, "") if old else "") for at in forms}
    elif old:
        entry.msgstr = old.msgstr
    if old:
        entry.flags, entry.tcomment = old.flags, old.tcomment
    return entry


def faults(tag: str, texts: Texts) -> Iterator[str]:
    """Yield what a catalogue lacks, and where a translation differs from its text in more than words."""
    catalogue = polib.pofile(str(CATALOGUES / f"{tag}.po"))
    known = {(entry.msgid, entry.msgid_plural): entry for entry in catalogue}
    for one, many in sorted(texts.keys() - known.keys()):
        yield f"lacks {one!r}{many and f' / {many!r}'}"
    for one, _ in sorted(known.keys() - texts.keys()):
        yield f"{one!r} is no text of the pages"
    for entry in catalogue:
        if entry.fuzzy:
            yield f"{entry.msgid!r} is marked as fuzzy"
        for translation in entry.msgstr_plural.values() or [entry.msgstr]:
            yield from _faults_of(entry, translation)


def _faults_of(entry: polib.POEntry, translation: str) -> Iterator[str]:
    if not translation:
        yield f"{entry.msgid!r} is not translated"
        return
    # A form of "one" may leave its number out.
    wanted = {*PLACEHOLDER.findall(entry.msgid_plural or entry.msgid)}
    found = {*PLACEHOLDER.findall(translation)}
    if found != wanted and not (entry.msgid_plural and found == {*PLACEHOLDER.findall(entry.msgid)}):
        yield f"{entry.msgid!r}: placeholders {sorted(found)} instead of {sorted(wanted)}"
    if translation.count('"') != entry.msgid.count('"'):
        yield f"{entry.msgid!r}: straight quotes would end an attribute of HTML"


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 where a catalogue is not complete.")
def main(check: bool) -> None:
    """Collect the pages' texts into the catalogues, or check these."""
    texts = collected()
    tags = [tag for tag in LANGUAGES if tag != SOURCE]
    if not check:
        for tag in tags:
            update(tag, texts)
    found = [*unmarked()]
    found += [f"service/web/catalogues/{tag}.po: {fault}" for tag in tags for fault in faults(tag, texts)]
    print("\n".join([*found, f"{len(texts)} texts in {len(tags)} catalogues, {len(found)} faults"]))
    sys.exit(1 if check and found else 0)


if __name__ == "__main__":
    main()
