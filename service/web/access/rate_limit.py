"""How often one caller may ask."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

IPV6_SITE = 64


class RateLimit:
    """A moving window of a minute for each caller, counted in this process alone.

    The processes share nothing, so each grants an equal part: roughly the limit in all, since connections are
    not dealt out evenly.
    """

    def __init__(self, per_minute: int, processes: int) -> None:
        """No limit where `per_minute` is 0."""
        self._limit = RateLimitItemPerMinute(math.ceil(per_minute / processes)) if per_minute else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def wait_s(self, caller: str) -> int:
        """Count a request; returns 0 if it may go on, else the seconds after which the next one may."""
        if self._limit is None or self._limiter.hit(self._limit, caller):
            return 0
        reset_time = self._limiter.get_window_stats(self._limit, caller).reset_time
        return max(1, math.ceil(reset_time - time.time()))


def address_of(peer: str) -> str:
    """Who an anonymous caller is: its address, or its network for IPv6, where one host has very many addresses."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if address.version == 4 or address.is_loopback:
        return peer
    return str(ipaddress.ip_network((address, IPV6_SITE), strict=False))
