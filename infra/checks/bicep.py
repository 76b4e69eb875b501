"""Read Bicep files as far as can be done without the compiler.

Syntax by a grammar (tree-sitter-bicep); and what the compiler would find first: names that are not declared or not
used, and modules that are given what they do not take. Resource types and their properties: azure_types.py. Where the
compiler is installed, as in the workflow `infra`, `make infra-check` also runs `bicep build`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_parser = Parser(Language(tree_sitter_bicep.language()))

# Of Bicep's functions (https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions) those used here.
FUNCTIONS = {
    *("allowed", "concat", "contains", "description", "empty", "environment", "guid", "json"),
    *("maxLength", "maxValue", "minLength", "minValue", "replace", "utcNow"),
    *(
        "resourceGroup",
        "resourceId",
        "secure",
        "string",
        "subscription",
        "subscriptionResourceId",
        "take",
        "union",
        "uniqueString",
    ),
}

Kind = Literal["param", "var", "resource", "module", "output"]
_KINDS: dict[str, Kind] = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


@dataclass(frozen=True)
class Declared:
    """One declaration: its kind, and for a parameter whether it has a default."""

    name: str
    kind: Kind
    node: Node = field(repr=False)

    @property
    def has_default(self) -> bool:
        return len([child for child in self.node.named_children if child.type != "type"]) > 1


class BicepFile:
    """One file, parsed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = _parser.parse(path.read_bytes()).root_node

    @cached_property
    def declared(self) -> dict[str, Declared]:
        """Parameters, variables, resources and modules by name."""
        return {one.name: one for one in self._declarations() if one.kind != "output"}

    @cached_property
    def params(self) -> dict[str, Declared]:
        return {name: one for name, one in self.declared.items() if one.kind == "param"}

    @cached_property
    def outputs(self) -> set[str]:
        return {one.name for one in self._declarations() if one.kind == "output"}

    @cached_property
    def modules(self) -> dict[str, tuple[Path, set[str]]]:
        """The file and the given parameters of each module, by its name."""
        found = {}
        for one in self.declared.values():
            if one.kind == "module":
                file = self.path.parent / _text(one.node.named_children[1]).strip("'")
                found[one.name] = (file, set(_given(one.node)))
        return found

    def problems(self) -> list[str]:
        """List every fault with its place."""
        syntax = [f"{_place(node)}: syntax" for node in _walk(self.root) if node.type == "ERROR" or node.is_missing]
        if syntax:
            return [f"{self.path.name}:{one}" for one in syntax]
        return [f"{self.path.name}:{one}" for one in [*self._names(), *self._module_calls(), *self._module_outputs()]]

    def _declarations(self) -> Iterator[Declared]:
        for node in self.root.named_children:
            if node.type in _KINDS:
                yield Declared(_text(node.named_children[0]), _KINDS[node.type], node)

    def _names(self) -> Iterator[str]:
        used: set[str] = set()
        for node, local in _references(self.root, frozenset()):
            name = _text(node)
            used.add(name)
            if name not in self.declared and name not in local and name not in FUNCTIONS:
                yield f"{_place(node)}: nothing declares {name}"
        for name, one in self.declared.items():
            if one.kind in ("param", "var") and name not in used:
                yield f"{_place(one.node)}: nothing uses {name}"

    def _module_calls(self) -> Iterator[str]:
        for name, (file, given) in self.modules.items():
            if not file.is_file():
                yield f"module {name}: there is no {file.name}"
                continue
            params = BicepFile(file).params
            for one in sorted(given - set(params)):
                yield f"module {name}: {file.name} takes no {one}"
            for one in sorted(name for name, param in params.items() if not param.has_default and name not in given):
                yield f"module {name}: {file.name} needs {one}"

    def _module_outputs(self) -> Iterator[str]:
        for node in _walk(self.root):
            words = _text(node).split(".") if node.type == "member_expression" else []
            if len(words) == 3 and words[1] == "outputs" and words[0] in self.modules:
                file = self.modules[words[0]][0]
                if file.is_file() and words[2] not in BicepFile(file).outputs:
                    yield f"{_place(node)}: {file.name} has no output {words[2]}"


def bicep_files(folder: Path) -> list[Path]:
    """Every Bicep file below a folder."""
    return sorted(folder.rglob("*.bicep"))


def _references(node: Node, local: frozenset[str]) -> Iterator[tuple[Node, frozenset[str]]]:
    """Yield every identifier that stands for a value, with the variables of the loops around it."""
    if node.type == "identifier":
        yield node, local
        return
    children = node.named_children
    if node.type in _KINDS or node.type == "object_property":
        # A declaration's own name, and an object's key.
        children = children[1:] if children and children[0].type == "identifier" else children
    elif node.type == "for_statement":
        variables, children = children[0], children[1:]
        names = [variables] if variables.type == "identifier" else variables.named_children
        local |= {_text(name) for name in names}
    elif node.type == "type":
        return
    for child in children:
        yield from _references(child, local)


def _given(module: Node) -> Iterator[str]:
    for node in _walk(module):
        if node.type == "object_property" and _text(node.named_children[0]) == "params":
            yield from (_text(one.named_children[0]) for one in node.named_children[1].named_children)
            return


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _place(node: Node) -> str:
    return f"{node.start_point.row + 1}:{node.start_point.column + 1}"
