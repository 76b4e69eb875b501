"""Refuse names and phrases of the project's former private language.

Run by `make check`. Names are looked up in the syntax tree: classes, functions, methods, modules and imports. Phrases
are looked up in docstrings and comments of Python files, in string literals of `service/` (logs, errors, help), and in
the text of pages and documents.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from infra.local.stack import REPOSITORY

PYTHON = ("service", "openface_lite", "cloud_function", "infra", "benchmarks", "tests")
TEXTS = ("*.md", "docs/**/*.md", "service/**/*.html", "service/**/*.j2", "service/**/*.js", "cloud_function/*.md")
SKIPPED = {"node_modules", ".venv", "models"}
# The last is a copy of the second, made for the site.
EXEMPT = {"infra/checks/words.py", "CHANGELOG.md", "docs/changelog.md"}
"""This file lists the phrases; the changelog names what was renamed."""

FORMER_NAMES = frozenset(
    [
        "Gather",
        "Asked",
        "Dropped",
        "EngineRoom",
        "Measure",
        "Intake",
        "Hands",
        "Shift",
        "Taken",
        "Item",
        "see_through",
        "Stop",
        "SweepMark",
        "Turn",
        "way",
        "Shop",
        "Desk",
        "PoisonDesk",
        "Door",
        "Wanted",
        "Told",
        "Seen",
        "put_down",
        "take_slot",
        "give_slot",
        "told",
        "blame",
        "open_premises",
    ]
)
FORMER_MODULES = frozenset(
    ["gather", "intake", "item", "engine_room", "settlement", "stopping", "office", "patient", "blame", "by_hand"]
)

PHRASES = re.compile(r"\b(whoever|nobody|so many|for good|of ours)\b", re.IGNORECASE)
DOCSTRING_STARTS = re.compile(r"\s*(The same\b|What is\b|Told\b|Asked\b)")

Fault = tuple[str, int, str]


def main() -> int:
    """Print each fault as `path:line: text`; return 1 if there is any."""
    faults = sorted({*_python_faults(), *_text_faults()})
    for path, line, text in faults:
        print(f"{path}:{line}: {text}")
    return int(bool(faults))


def _python_faults() -> Iterator[Fault]:
    for path in _files(PYTHON):
        name = path.relative_to(REPOSITORY).as_posix()
        if name in EXEMPT:
            continue
        source = path.read_text("utf-8")
        tree = ast.parse(source)
        if path.stem in FORMER_MODULES and name.startswith("service/"):
            yield name, 1, f"module name {path.stem!r}"
        for line, text in _names(tree):
            yield name, line, text
        for line, text in _phrases(tree, source, with_literals=name.startswith("service/")):
            yield name, line, text


def _files(folders: tuple[str, ...]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if not SKIPPED.intersection(path.parts):
                yield path


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            bare = node.name.lstrip("_")
            if bare in FORMER_NAMES:
                yield node.lineno, f"name {node.name!r}"


def _phrases(tree: ast.AST, source: str, *, with_literals: bool) -> Iterator[tuple[int, str]]:
    docstrings = {id(node.value): node for node in _docstrings(tree)}
    for node in docstrings.values():
        text = str(node.value.value) if isinstance(node.value, ast.Constant) else ""
        if start := DOCSTRING_STARTS.match(text):
            yield node.lineno, f"docstring starts with {start[1]!r}"
        yield from _found(text, node.lineno)
    if with_literals:
        for literal in ast.walk(tree):
            if isinstance(literal, ast.Constant) and isinstance(literal.value, str) and id(literal) not in docstrings:
                yield from _found(literal.value, literal.lineno)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from _found(token.string, token.start[0])


def _docstrings(tree: ast.AST) -> Iterator[ast.Expr]:
    """Docstrings of modules, classes and functions, and the strings that describe a constant or field above them."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield statement


def _found(text: str, line: int) -> Iterator[tuple[int, str]]:
    for number, part in enumerate(text.splitlines()):
        for hit in PHRASES.finditer(part):
            yield line + number, f"phrase {hit[0]!r}"


def _text_faults() -> Iterator[Fault]:
    for pattern in TEXTS:
        for path in REPOSITORY.glob(pattern):
            name = path.relative_to(REPOSITORY).as_posix()
            if name in EXEMPT or SKIPPED.intersection(path.parts):
                continue
            for line, text in _found(path.read_text("utf-8"), 1):
                yield name, line, text


if __name__ == "__main__":
    sys.exit(main())
