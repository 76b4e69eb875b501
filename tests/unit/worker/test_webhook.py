"""Where a callback may lead: public addresses alone, resolved once; and which addresses callers may name."""

from __future__ import annotations

import pytest

from service.errors import BadRequest
from service.jobs.callbacks import CallbackRules, Target
from service.worker.webhook import AddressRefused, CallFailed, resolved

SPECIAL = """
127.0.0.1 10.1.2.3 192.168.0.7 169.254.169.254 0.0.0.0 224.0.0.1 100.64.0.1 localhost
::1 fe80::1 fd00::1 ::ffff:10.0.0.1
"""


@pytest.mark.parametrize("host", SPECIAL.split())
def test_special_addresses_are_not_called(host: str) -> None:
    with pytest.raises(AddressRefused):
        resolved(Target("https", host, 443, "/"), allow_private=False)


@pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254"])
def test_link_local_addresses_are_never_called(host: str) -> None:
    with pytest.raises(AddressRefused):
        resolved(Target("http", host, 80, "/"), allow_private=True)


def test_private_addresses_are_called_where_that_is_allowed_and_public_ones_by_https_alone() -> None:
    assert resolved(Target("http", "127.0.0.1", 80, "/"), allow_private=True) == "127.0.0.1"
    assert resolved(Target("https", "9.9.9.9", 443, "/"), allow_private=False) == "9.9.9.9"
    with pytest.raises(AddressRefused):
        resolved(Target("http", "9.9.9.9", 80, "/"), allow_private=True)
    with pytest.raises(CallFailed):
        resolved(Target("https", "nowhere.invalid", 443, "/"), allow_private=False)


def test_hosts_are_named_whole_or_by_a_point_before_them() -> None:
    rules = CallbackRules((".example.org", "hooks.lab.net"), allow_private=False)
    assert rules.check("https://a.b.example.org:8443/x?y=1") == Target("https", "a.b.example.org", 8443, "/x?y=1")
    assert rules.check("https://HOOKS.lab.net").path == "/"
    for address in (
        "https://example.org",
        "https://sub.hooks.lab.net",
        "https://evilexample.org",
        "http://hooks.lab.net",
    ):
        with pytest.raises(BadRequest):
            rules.check(address)
    with pytest.raises(BadRequest) as refused:
        CallbackRules((), allow_private=True).check("https://hooks.lab.net")
    assert refused.value.code == "callbacks_off"
