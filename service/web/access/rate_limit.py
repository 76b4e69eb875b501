"""Rate limit by caller."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from service.web.access.addresses import parsed

IPV6_SITE = 64


class RateLimit:
    """A moving window of one minute for each caller, counted in this process.

    The processes share no counters, so each grants an equal part: roughly the limit in all, since connections are
    not distributed evenly.
    """

    def __init__(self, per_minute: int, processes: int) -> None:
        """Grant `per_minute` requests over all processes; 0 grants any number."""
        self._limit = RateLimitItemPerMinute(math.ceil(per_minute / processes)) if per_minute else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def wait_s(self, caller: str) -> int:
        """Count a request; returns 0 if it is admitted, else the seconds until the next one is."""
        if self._limit is None or self._limiter.hit(self._limit, caller):
            return 0
        reset_time = self._limiter.get_window_stats(self._limit, caller).reset_time
        return max(1, math.ceil(reset_time - time.time()))


def address_of(peer: str) -> str:
    """Return an anonymous caller's identity: its IPv4 address, or its IPv6 /64 network, which one host may own."""
    address = parsed(peer)
    if address is None:
        return peer
    if address.version == 4 or address.is_loopback:
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_SITE), strict=False))
