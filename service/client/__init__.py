"""The HTTP client: `from service.client import Client`."""

from service.client.client import Client
from service.client.faces import AnalysedFace, AnalysedImage, FoundFace
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
from service.storage.local_files import sha256_of

__all__ = [
    "AnalysedFace",
    "AnalysedImage",
    "Client",
    "ClientError",
    "Fault",
    "FoundFace",
    "Page",
    "Published",
    "RemoteJob",
    "ServiceRefused",
    "ServiceUnreachable",
    "Stopped",
    "Submitted",
    "sha256_of",
]
