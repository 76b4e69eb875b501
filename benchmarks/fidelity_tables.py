"""What `benchmarks.fidelity` shows: its figures as tables for people.

Separate because none of it decides anything: the JSON has all that is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.bound import Bound
from service.results.agreement.figures import ErrorFigure, UnitFigure
from service.results.quality_gate import CONFIDENCE

HOW_TO_READ = f"""\
Faces are compared where both tables have them: `success` 1, or in pictures a confidence of at
least {CONFIDENCE}. Videos and pictures are never mixed.
mean   of the absolute errors, of points of their distances; 95 % of the faces are within the next
bias   engine minus reference, with its sign; nothing is taken off for it
n      faces behind a figure, a face in a frame being one; `-` where there is no figure
r      over the compared frames of all videos; `by file`: the median of each video's own r
       a still has no neutral face to start from, so no r is aimed at in pictures
"""
_KINDS = ("videos", "pictures")


def show(console: Console, report: dict[str, Any]) -> None:
    """Print the figures, the aims last."""
    for kind, agreement in report["agreement"].items():
        if agreement["files"]:
            console.print(_error_table(kind, agreement))
            console.print(_unit_table(kind, agreement))
    if report["people"]:
        console.print(_people_table(report["people"]))
        console.print(_claim_table(report["claims"]))
    console.print(_count_table(report["agreement"]))
    console.print(_file_table(report["files"]))
    if report["groups"] is not None:
        console.print(_group_table(report["groups"]))
        if report["detection"]:
            console.print(_detection_table(report["detection"]))
        console.print("groups are the user's own labels; every file counts once in the rate and its interval")
    if report["not_compared"]:
        console.print(_table("not compared", ["file", "why"], [list(each.values()) for each in report["not_compared"]]))
    console.print(_aim_table(report["aims"]))
    console.print(HOW_TO_READ)


def _error_table(kind: str, agreement: dict[str, Any]) -> Table:
    heads = ["", "", "mean", "bias", "95 %", "n", "unit"]
    found = [ErrorFigure(**each) for each in agreement["errors"]]
    rows = [[e.group, e.what, *map(_number, (e.mean, e.bias, e.worst)), str(e.n), e.unit] for e in found]
    return _table(f"{kind}: errors against OpenFace", heads, rows)


def _unit_table(kind: str, agreement: dict[str, Any]) -> Table:
    heads = ["", "r", "by file", "mean error", "bias", "n", "same presence", "F1", "n"]
    found = [UnitFigure(**each) for each in agreement["action_units"]]
    rows = [
        [
            u.unit,
            *map(_number, (u.r, u.r_by_file, u.mae, u.bias)),
            str(u.n),
            *map(_number, (u.presence_agreement, u.presence_f1)),
            str(u.presence_n),
        ]
        for u in found
    ]
    return _table(f"{kind}: action units against OpenFace", heads, rows)


def _people_table(people: Sequence[dict[str, Any]]) -> Table:
    heads = ["", "measure", "error", "always 0", "always the mean", "head alone", "r", "n", "unit", "better than these"]
    rows = [
        [
            each["person"],
            each["what"],
            *(_number(each[name]) for name in ("error", "zero", "mean", "head", "r")),
            str(each["n"]),
            each["unit"],
            ("yes" if each["beats_constants"] else "no") if each["varies"] else "does not vary",
        ]
        for each in people
    ]
    return _table("by person, videos: mean errors beside predictors that look at no picture", heads, rows)


def _claim_table(claims: Sequence[dict[str, Any]]) -> Table:
    rows = [[each["unit"], each["claim"], each["verdict"], each["why"]] for each in claims]
    return _table("may an action unit be called supported?", ["", "the engine says", "verdict", "why"], rows)


def _detection_table(groups: Sequence[dict[str, Any]]) -> Table:
    rows = [
        [
            each["group"],
            str(each["files"]),
            str(each["unread"]),
            _number(each["detection_rate"]),
            "-" if each["low"] is None else f"{each['low']:.3f} to {each['high']:.3f}",
        ]
        for each in groups
    ]
    heads = ["", "files", "unread", "detection rate", "95 % interval"]
    return _table("detection in media without a table, each taken to show a face", heads, rows)


def _count_table(agreement: dict[str, Any]) -> Table:
    words = {
        "frames": "frames (pictures) compared",
        "both": "  a face in both",
        "neither": "  in neither",
        "reference_alone": "  in the reference alone",
        "engine_alone": "  in the engine's table alone",
        "success_agreement": "success agreement",
        "frames_reference_only": "not compared: no such frame in the engine's table",
        "frames_engine_only": "not compared: no such frame in the reference",
        "faces_reference": "faces of the reference",
        "faces_engine": "faces of the engine",
        "faces_compared": "faces compared",
    }
    rows = [["files", *(str(each["files"]) for each in agreement.values())]]
    rows += [[text, *(_number(each["frames"][name]) for each in agreement.values())] for name, text in words.items()]
    return _table("what was compared", ["", *agreement], rows)


def _file_table(files: Sequence[dict[str, Any]]) -> Table:
    heads = ["", "paired by", "frames", "success agreement", "faces compared", "landmarks %"]
    names = ("frames", "success_agreement", "faces_compared", "landmarks")
    return _table(
        "files", heads, [[each["file"], each["paired_by"], *(_number(each[name]) for name in names)] for each in files]
    )


def _group_table(groups: Sequence[dict[str, Any]]) -> Table:
    heads = ["", "files", "no face", "left out", "faces found", "detection rate", "95 % interval", "landmarks %", "n"]
    rows = [
        [
            each["group"],
            *(str(each[name]) for name in ("files", "files_without", "files_not_compared")),
            f"{each['found']} of {each['faces']}",
            _number(each["detection_rate"]),
            "-" if each["low"] is None else f"{each['low']:.3f} to {each['high']:.3f}",
            _number(each["landmark_error"]),
            str(each["landmark_files"]),
        ]
        for each in groups
    ]
    return _table("by group", heads, rows)


def _aim_table(aims: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for each in aims:
        bound = Bound(each["at_most"], each["at_least"])
        cells = [_aim_cell(each.get(kind)) for kind in _KINDS]
        rows.append([f"{each['of']} {each['what']}", f"{bound} {each['unit']}".strip(), *cells])
    return _table("aims", ["", "aim", *_KINDS], rows)


def _aim_cell(judged: dict[str, Any] | None) -> str:
    if judged is None:
        return "no aim"
    if judged["value"] is None:
        return str(judged["verdict"])
    return f"{_number(judged['value'])}: {judged['verdict']} (n {judged['n']})"


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title)
    for number, head in enumerate(heads):
        is_text = number == 0 or head in ("", "why", "unit", "paired by")
        table.add_column(head, justify="left" if is_text else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _number(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
