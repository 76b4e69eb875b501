"""A child of a pool that does what it is told: run as `python -m tests.children.odd_child`."""

from __future__ import annotations

import os
import time
from typing import Any

from service.children.loop import serve
from service.errors import MediaTooLarge


def answer(question: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    match question["do"]:
        case "die":
            os._exit(1)
        case "sleep":
            time.sleep(question["seconds"])
        case "refuse":
            raise MediaTooLarge("too large for me")
        case "fail":
            raise RuntimeError("a fault")
        case "talk":
            print("words that are no answer", flush=True)
    return {"pid": os.getpid(), "environment": sorted(os.environ)}, body[::-1]


if __name__ == "__main__":
    serve(answer)
