"""Post one signed body to an address that a caller named: resolved once, checked, and connected to as resolved."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time

import certifi
import urllib3

from service.errors import AnalysisError
from service.jobs.callbacks import DEFAULT_PORTS, Target
from service.results.compare.signed_call import signature

CONNECT_S, TOTAL_S = 5.0, 15.0


class CallFailed(AnalysisError):
    """The receiver did not take the call; a later one may succeed."""

    code = "callback_failed"
    retryable = True


class AddressRefused(CallFailed):
    """The name stands for an address that is not called."""

    code = "callback_address"


def post(target: Target, body: bytes, secret: str, key: str, traceparent: str, *, allow_private: bool) -> int:
    """Send one call; returns the receiver's status. No redirect is followed, and no proxy is used.

    Args:
        key: its Idempotency-Key.

    Raises:
        AddressRefused: a private, loopback, link-local or otherwise special address.
        CallFailed: no answer.
    """
    address = resolved(target, allow_private=allow_private)
    timestamp = str(int(time.time()))
    is_usual = target.port == DEFAULT_PORTS[target.scheme]
    host = f"[{target.host}]" if ":" in target.host else target.host
    headers = {
        "Host": host if is_usual else f"{host}:{target.port}",
        "Content-Type": "application/json",
        "User-Agent": "faceline",
        "Idempotency-Key": key,
        "traceparent": traceparent,
        "X-Signature-Timestamp": timestamp,
        "X-Signature": signature(secret, timestamp, body),
    }
    timeout = urllib3.Timeout(total=TOTAL_S, connect=CONNECT_S)
    try:
        with _pool(target, address) as pool:
            answer = pool.urlopen(
                "POST",
                target.path,
                body=body,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                # What a receiver answers is of no interest, and may be endless.
                preload_content=False,
            )
            answer.close()
            return int(answer.status)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        # The error's text would contain the address, which may hold a token.
        raise CallFailed(f"{target.host} did not answer: {type(error).__name__}") from None


def resolved(target: Target, *, allow_private: bool) -> str:
    """Resolve the host, once for check and connection.

    Raises:
        AddressRefused: one of its addresses is not a public one.
        CallFailed: the name is unknown.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CallFailed(f"the name {target.host} is not known") from error
    addresses = [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    for address in addresses:
        if not _may_be_called(address, allow_private=allow_private):
            raise AddressRefused(f"{target.host} stands for {address}, which is not called")
        if target.scheme != "https" and address.is_global:
            raise AddressRefused(f"{target.host} is a public address, which is called by https alone")
    return str(addresses[0])


def _may_be_called(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, allow_private: bool) -> bool:
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_multicast or address.is_unspecified or address.is_link_local or address.is_reserved:
        # Link-local is where clouds answer with a machine's credentials: never.
        return False
    return address.is_global or (allow_private and (address.is_private or address.is_loopback))


def _pool(target: Target, address: str) -> urllib3.HTTPConnectionPool:
    if target.scheme == "http":
        return urllib3.HTTPConnectionPool(address, target.port)
    return urllib3.HTTPSConnectionPool(
        address,
        target.port,
        server_hostname=target.host,
        assert_hostname=target.host,
        ssl_context=_trust(),
    )


def _trust() -> ssl.SSLContext:
    """Trust the public authorities, and those of the machine or of `SSL_CERT_FILE`: a laboratory may have its own."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
