"""Which addresses callers may name, and the messages that ask for their calls."""

from __future__ import annotations

import json

import pytest

from service.errors import BadRequest
from service.jobs.callbacks import LONGEST, MOST, CallbackMessage, CallbackRules, Target, addresses_of, merged
from service.settings import Settings

HOOK = "https://hooks.lab.net"
RULES = CallbackRules((".example.org", "hooks.lab.net"), allow_private=False)


def refusal(rules: CallbackRules, *addresses: str) -> str:
    with pytest.raises(BadRequest) as refused:
        rules.check_all(addresses)
    return refused.value.code


def test_hosts_are_named_whole_or_by_a_point_before_them() -> None:
    assert RULES.check("https://a.b.example.org:8443/x?y=1") == Target("https", "a.b.example.org", 8443, "/x?y=1")
    assert RULES.check("https://HOOKS.lab.net./") == Target("https", "hooks.lab.net", 443, "/")
    for address in ("https://example.org", "https://sub.hooks.lab.net", "https://evilexample.org"):
        assert refusal(RULES, address) == "callback_host"
    assert refusal(CallbackRules((), allow_private=True), HOOK) == "callbacks_off"


@pytest.mark.parametrize("allow_private", [True, False])
def test_plain_http_is_for_private_addresses_alone(allow_private: bool) -> None:
    rules = CallbackRules(("lab",), allow_private=allow_private)
    assert rules.check("https://lab").port == 443
    if allow_private:
        assert rules.check("http://lab") == Target("http", "lab", 80, "/")
    else:
        assert refusal(rules, "http://lab") == "bad_callback"


@pytest.mark.parametrize(
    "address",
    [
        "https://[hooks.lab.net",
        "https://hooks.lab.net:port/",
        "https://hooks.lab.net\\@evil.org/",
        "https://me@hooks.lab.net/",
        "https://hooks.lab.net/#part",
        "https://hooks.lab.net/a b",
        "https://hooks.lab.net/\n",
        "https://hooks.läb.net/",
        "ftp://hooks.lab.net/",
        "https:///path",
        "hooks.lab.net",
    ],
)
def test_an_address_that_two_readers_could_read_differently_is_refused(address: str) -> None:
    assert refusal(RULES, address) == "bad_callback"


def test_the_longest_address_and_the_largest_number_are_taken_and_no_more() -> None:
    longest = f"{HOOK}/".ljust(LONGEST, "x")
    assert RULES.check_all([longest]) == longest
    assert refusal(RULES, f"{longest}x") == "bad_callback"
    most = [f"{HOOK}/{number}" for number in range(MOST)]
    assert addresses_of(RULES.check_all(most)) == most
    assert refusal(RULES, *most, HOOK) == "bad_callback"


def test_a_record_has_each_address_once_in_the_order_of_their_coming() -> None:
    kept = merged(merged("", ["https://b", "https://a"]), ["https://a", "https://c"])
    assert addresses_of(kept) == ["https://b", "https://a", "https://c"]
    assert addresses_of("") == []


def test_hosts_of_the_settings_are_read_whatever_their_form() -> None:
    hosts = " Hooks.Lab.net. ,,.example.org"
    rules = CallbackRules.of(Settings.load({"CALLBACK_HOSTS": hosts, "CALLBACK_SECRET": "s" * 32}))
    assert rules == CallbackRules(("hooks.lab.net", ".example.org"), allow_private=False)


def test_a_message_is_read_as_it_was_written_and_anything_else_is_none() -> None:
    message = CallbackMessage("job-1", HOOK)
    assert CallbackMessage.decode(message.encode()) == message
    for text in ("", "[]", "1", "{}", "[" * 100_000, json.dumps({"job_id": 1, "address": HOOK})):
        assert CallbackMessage.decode(text) is None
