"""`Prefer: wait=N`: read as RFC 7240 asks, at most so long, and ignored where it cannot be read."""

from __future__ import annotations

import pytest
from flask import Response

from service.web.protocol.prefer_wait import LONGEST_S, _preferred_wait_s, applied


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("Wait=5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=5; foo", 0),
        ("respond-async, wait=5", 5),
        ("wait=0", 0),
        (f"wait={LONGEST_S + 1}", LONGEST_S),
        ("wait=" + "9" * 6000, LONGEST_S),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=1e9", 0),
        ("wait=\u0665", 0),
        ("wait", 0),
        ("wait=", 0),
        ("waiting=5", 0),
        ("", 0),
    ],
)
def test_a_wait_is_whole_seconds_up_to_the_limit(header: str, seconds: int) -> None:
    assert _preferred_wait_s(header) == seconds


def test_a_granted_wait_is_named_in_the_answer_and_none_is_not() -> None:
    assert applied(Response(), 7).headers["Preference-Applied"] == "wait=7"
    assert "Preference-Applied" not in applied(Response(), 0).headers
