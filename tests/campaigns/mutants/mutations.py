"""Small faults that can be put into a module, found in its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARED = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
COMPUTED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*"}
SAYS_ONLY = ("log", "logger", "span", "_log", "warnings")


@dataclass(frozen=True)
class Mutation:
    """A piece of a module's source, and what takes its place."""

    line: int
    start: int
    end: int
    text: str

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutations(source: bytes) -> list[Mutation]:
    """List every fault that this module can be given, in the order of the source; annotations, decorators
    and texts stay."""
    return list(_Finder(source).found(ast.parse(source)))


class _Finder:
    def __init__(self, source: bytes) -> None:
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def found(self, node: ast.AST) -> Iterator[Mutation]:
        yield from self._of(node)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "type_params", "decorator_list"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self.found(child)

    def _of(self, node: ast.AST) -> Iterator[Mutation]:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                yield self._instead(node, f"{self._text(left)} {COMPARED[type(op)]} {self._text(right)}")
            case ast.BoolOp(op=op, values=[first, *rest]):
                other = " or " if isinstance(op, ast.And) else " and "
                yield self._instead(node, other.join(f"({self._text(each)})" for each in [first, *rest]))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._instead(node, self._text(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in COMPUTED and not _is_text(left, right):
                yield self._instead(node, f"{self._text(left)} {COMPUTED[type(op)]} {self._text(right)}")
            case ast.Constant(value=bool() as value):
                yield self._instead(node, str(not value))
            case ast.Constant(value=int() | float() as value):
                yield self._instead(node, repr(value + 1))
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                if not isinstance(test, ast.Compare | ast.UnaryOp | ast.Constant):
                    yield self._instead(test, f"not ({self._text(test)})")
            case ast.Return(value=ast.AST() as value) if not _is_none(value):
                yield self._instead(value, "None")
            case ast.Expr(value=ast.Call() as call) if not _only_says(call):
                yield self._instead(node, "pass")
            case ast.Raise():
                yield self._instead(node, "pass")
            case ast.Break():
                yield self._instead(node, "continue")
            case ast.Continue():
                yield self._instead(node, "break")

    def _instead(self, node: ast.AST, text: str) -> Mutation:
        start, end = self._span(node)
        # Brackets of the source are no part of a node; a replacement keeps together inside its own.
        return Mutation(vars(node)["lineno"], start, end, f"({text})" if isinstance(node, ast.expr) else text)

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return f"({self._source[start:end].decode()})"

    def _span(self, node: ast.AST) -> tuple[int, int]:
        at = vars(node)
        return (
            self._starts[at["lineno"] - 1] + at["col_offset"],
            self._starts[at["end_lineno"] - 1] + at["end_col_offset"],
        )


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(*nodes: ast.AST) -> bool:
    return any(isinstance(each, ast.JoinedStr) or _is_string(each) for each in nodes)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _only_says(call: ast.Call) -> bool:
    """Lines of logs and spans are checked where they are promises; a sample of faults is not about them."""
    name = call.func
    while isinstance(name, ast.Attribute):
        if name.attr in SAYS_ONLY:
            return True
        name = name.value
    return isinstance(name, ast.Name) and name.id in SAYS_ONLY
