"""Texts that are no jobs, as a broken or hostile sender might put them into the queue."""

from __future__ import annotations

import json
import random

_JOB = {
    "container": "hostile",
    "blob": "a.jpg",
    "etag": "0x1",
    "media": "image",
    "media_type": "wild",
    "options": {"faces": "many", "au": "static", "multi_view": True, "overlay": False, "gallery": ""},
    "generation": 0,
}


def hostile_text(chance: random.Random) -> str:
    """Make a text that is no job; no two are alike."""
    mark = f"{chance.getrandbits(64):016x}"
    kinds = (
        "[" * chance.randrange(200, 5000) + mark,
        '{"a":' * 2000 + f'"{mark}"' + "}" * 2000,
        _message(mark, generation="inf").replace('"inf"', "1e999"),
        _message(mark, options=[["faces", "many"], [1, 2]]),
        _message(mark, blob="\\ud800"),
        _message(mark, etag="x" * 30_000),
        _message(mark, container="../" + mark),
        json.dumps({"schema": 10**200, "mark": mark}),
        f"no JSON {mark}",
    )
    return chance.choice(kinds)


def _message(mark: str, **changes: object) -> str:
    return json.dumps({"schema": 1, "job_id": mark * 2, "traceparent": "", "job": {**_JOB, **changes}})
