"""Addresses of callers: IPv4 in every spelling, ports left out, anything else none."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from service.web.access.addresses import parsed


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:CB00:7107", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::1", "::1"),
    ],
)
def test_an_address_is_read_in_each_of_its_spellings(text: str, address: str) -> None:
    assert parsed(text) == ip_address(address)


@pytest.mark.parametrize(
    "text", ["", "unknown", "localhost", "203.0.113", "203.0.113.7.1", "[", ":", "_hidden", "1.1.1.1, 2"]
)
def test_anything_else_is_no_address(text: str) -> None:
    assert parsed(text) is None
