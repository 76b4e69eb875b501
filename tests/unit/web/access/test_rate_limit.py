"""The rate limit: a share for each process, and one identity for each caller."""

from __future__ import annotations

import pytest

from service.web.access.rate_limit import RateLimit, address_of


def test_a_caller_is_admitted_up_to_its_limit_and_then_told_when() -> None:
    limit = RateLimit(3, processes=1)
    assert [limit.wait_s("a") for _ in range(3)] == [0, 0, 0]
    assert 1 <= limit.wait_s("a") <= 60
    # Another caller has a window of its own.
    assert limit.wait_s("b") == 0


def test_each_process_grants_its_part_and_never_none() -> None:
    # Five among two: three each, rounded up.
    half = RateLimit(5, processes=2)
    assert [bool(half.wait_s("a")) for _ in range(4)] == [False, False, False, True]
    part = RateLimit(1, processes=8)
    assert (part.wait_s("a"), part.wait_s("a") > 0) == (0, True)


def test_no_limit_admits_all() -> None:
    limit = RateLimit(0, processes=1)
    assert {limit.wait_s("a") for _ in range(1000)} == {0}


@pytest.mark.parametrize(
    ("peer", "identity"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::1", "::1"),
        # What a server on `::` sees of IPv4: all such addresses lie in one /64 network.
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        # What Azure's Application Gateway writes into X-Forwarded-For: each connection has another port.
        ("203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8:1:2::5]:51234", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_caller_is_its_ipv4_address_or_its_ipv6_network(peer: str, identity: str) -> None:
    assert address_of(peer) == identity
