"""Texts of the pages' scripts: those that are marked for translation, and those that were forgotten.

A literal counts as forgotten where it has two words in a row, or begins or ends as a sentence or a label does. Texts of
one word in lower case are not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

MARKS = frozenset(["t", "tn", "tNodes"])
"""Functions of `texts.js` whose literal arguments are texts; of `tn` one and many."""

TEXT = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}|^[A-Z][a-z]+(?![a-zA-Z-])|^[a-z]{2,}…?[.:…]$")
NO_TEXT = re.compile(
    r"Page(Up|Down)$|Home$|End$|Enter$|Escape$|Delete$|Tab$|Files$"  # keys; what a drag carries
    r"|Accept|Prefer|[A-Z]\w+Error$"  # headers and errors
)
NOT_SHOWN = frozenset(["class", "className", "font", "type", "name", "role", "id", "method"])
"""Attributes and properties whose values no reader sees."""

_parser = Parser(Language(tree_sitter_javascript.language()))


def marked(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the texts of a script with their plurals (empty for `t`). Raises ValueError for one that is no literal."""
    for call in _calls(_root(path)):
        name, first, second = _parts(call)
        if name in MARKS:
            if (
                first is None
                or first.type != "string"
                or (name == "tn" and (second is None or second.type != "string"))
            ):
                raise ValueError(f"{path.name}:{call.start_point.row + 1}: the text of `{name}` is not a literal")
            yield _value(first), _value(second) if name == "tn" and second else ""


def unmarked(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and value of each literal that looks like a text and is not marked."""
    for literal in _of_kind(_root(path), {"string", "template_string"}):
        text = re.sub(r"\$\{.*\}", "{}", _value(literal), flags=re.DOTALL)
        if TEXT.search(text) and not NO_TEXT.match(text) and not _is_marked(literal) and _is_shown(literal):
            yield literal.start_point.row + 1, text


def _root(path: Path) -> Node:
    return _parser.parse(path.read_bytes()).root_node


def _of_kind(node: Node, kinds: set[str]) -> Iterator[Node]:
    if node.type in kinds:
        yield node
    for child in node.children:
        yield from _of_kind(child, kinds)


def _calls(root: Node) -> Iterator[Node]:
    return _of_kind(root, {"call_expression"})


def _parts(call: Node) -> tuple[str, Node | None, Node | None]:
    """Return the called name, and the first two arguments."""
    function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    given = [*(arguments.named_children if arguments else []), None, None]
    return _text(function) if function else "", given[0], given[1]


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _value(literal: Node) -> str:
    """Return a literal's value; of escapes, scripts use those of the newline and of quotes."""
    return _text(literal)[1:-1].replace("\\n", "\n").replace('\\"', '"')


def _is_marked(literal: Node) -> bool:
    call = literal.parent.parent if literal.parent else None
    return call is not None and call.type == "call_expression" and _parts(call)[0] in MARKS


def _is_shown(literal: Node) -> bool:
    """Whether readers may see a literal: not what is imported, compared or looked up, nor some attributes' values."""
    node: Node | None = literal
    while node and node.type not in {"pair", "assignment_expression", "statement_block", "program", "call_expression"}:
        if node.type in {"import_statement", "subscript_expression"} or _is_comparison(node):
            return False
        if node.type == "new_expression" and _text(node).startswith("new Set("):
            return False
        node = node.parent
    key = node and (node.child_by_field_name("key") or node.child_by_field_name("left"))
    return not key or (key != literal and _text(key).rpartition(".")[2] not in NOT_SHOWN)


def _is_comparison(node: Node) -> bool:
    operator = node.child_by_field_name("operator")
    return node.type == "binary_expression" and operator is not None and _text(operator) in {"===", "!==", "in"}
