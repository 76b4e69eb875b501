"""Traces of log lines: a caller's own where it is valid, else a new one."""

from __future__ import annotations

import pytest
import structlog

from service.logs import FIRST_KEYS, _in_order, bound, bound_to_trace, continued_trace, is_traceparent

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.mark.parametrize(
    "text",
    [
        "",
        TRACE.upper(),
        TRACE + "\n",
        TRACE[:-1],
        TRACE.replace("00-", "01-", 1),
        TRACE.replace("a" * 32, "0" * 32),
        TRACE.replace("b" * 16, "0" * 16),
        TRACE.replace("aa", "\u0661\u0661", 1),
        f"{TRACE}-more",
    ],
)
def test_what_is_no_trace_is_replaced_by_a_new_one(text: str) -> None:
    assert not is_traceparent(text)
    made = continued_trace(text)
    assert is_traceparent(made) and made != continued_trace(text)
    assert is_traceparent(continued_trace(None))


def test_a_callers_trace_goes_on() -> None:
    assert continued_trace(TRACE) == TRACE


def test_lines_carry_what_is_bound_as_long_as_the_block_lasts() -> None:
    with bound(job_id="1"), bound_to_trace(TRACE, blob="a.jpg"):
        assert structlog.contextvars.get_contextvars() == {"job_id": "1", "blob": "a.jpg", "trace_id": "a" * 32}
        with bound_to_trace("none"):
            assert structlog.contextvars.get_contextvars()["trace_id"] is None
        assert structlog.contextvars.get_contextvars()["trace_id"] == "a" * 32
    assert structlog.contextvars.get_contextvars() == {}


def test_the_first_keys_of_each_line_are_the_same() -> None:
    fields = {"blob": "a", "event": "job.ended", "level": "info", "time": "t"}
    assert list(_in_order(None, "info", fields)) == ["time", "level", "event", "blob"]
    assert FIRST_KEYS[:3] == ("time", "level", "event")
