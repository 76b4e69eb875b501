"""The HTTP client: `from service.client import Client`."""

from service.client.client import Client
from service.client.models import (
    ClientError,
    Fault,
    Page,
    Published,
    RemoteJob,
    ServiceRefused,
    ServiceUnreachable,
    Stopped,
    Submitted,
)

__all__ = [
    "Client",
    "ClientError",
    "Fault",
    "Page",
    "Published",
    "RemoteJob",
    "ServiceRefused",
    "ServiceUnreachable",
    "Stopped",
    "Submitted",
]
