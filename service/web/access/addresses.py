"""Addresses of callers, as connections and proxies write them."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parsed(text: str) -> Address | None:
    """Parse an address; None where there is none.

    One of IPv4 is IPv4 also where a server that listens on `::` sees it as `::ffff:203.0.113.7`. A port behind it, as
    Azure's Application Gateway writes it into `X-Forwarded-For`, is left out.
    """
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
