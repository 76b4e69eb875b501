"""`queues`: one line that alerts are made of."""

from __future__ import annotations

import json
from typing import Any

from tests.fixtures.media_made import jpeg
from tests.integration.cli.conftest import CommandLine
from tests.integration.worker.conftest import Bench


def state(command_line: CommandLine) -> dict[str, Any]:
    done = command_line("queues", LOG_FORMAT="json", LOG_LEVEL="INFO")
    assert done.exit_code == 0, done.stderr
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    return {name: value for name, value in line.items() if name not in ("time", "level")}


def test_it_tells_what_waits_and_what_was_set_aside(command_line: CommandLine, bench: Bench) -> None:
    bench.account.services.queue.ensure()
    empty = {"event": "queues.state", "length": 0, "oldest_age_s": 0.0, "poison_length": 0}
    assert state(command_line) == empty
    bench.submit("a.jpg", jpeg())
    bench.submit("b.jpg", jpeg())
    bench.account.services.queue.send_to_poison("nothing that could be read")
    told = state(command_line)
    assert (told["length"], told["poison_length"]) == (2, 1)
    assert 0 <= told["oldest_age_s"] < 60
