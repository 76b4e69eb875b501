"""The function app's settings, read from the environment once and checked together.

Separate so that one file shows every setting, and no other file reads the environment.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from media_kind import MEDIA_TYPES, SUFFIXES

# The calls after which a blob is complete. An upload raises other events too: a folder made, blocks staged, a lease.
COMPLETING_APIS = frozenset(
    {"PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose", "SftpCommit", "RenameFile", "SftpRename"}
)
IN_UPLOADS_OWN_CONTAINER = "{container}"
SHORTEST_SECRET = 16
# Event Grid takes an event for undelivered after 30 s.
LONGEST_EVENT_TIME_LIMIT_S = 28.0
# How the host learns of uploads into the shared container: from Event Grid, or by polling.
BLOB_TRIGGER_SOURCES = ("EventGrid", "LogsAndContainerScan")
# App Service leaves the reference itself in the variable when it cannot read the secret.
UNRESOLVED_REFERENCES = ("@Microsoft.KeyVault(", "@Microsoft.AppConfiguration(")


class InvalidSettings(ValueError):
    """One or more settings cannot be used; the message lists all of them."""


@dataclass(frozen=True)
class FunctionSettings:
    """Every setting, checked; secrets stay out of its repr."""

    service_url: str
    service_api_key: str = field(default="", repr=False)
    event_time_limit_s: float = 25.0
    upload_containers: str = "*"
    shared_container: str = ""
    blob_trigger_source: str = "EventGrid"
    upload_suffixes: frozenset[str] = SUFFIXES
    event_apis: frozenset[str] = COMPLETING_APIS
    results_container: str = "results"
    default_media_type: str = "wild"
    storage_connection_string: str = field(default="", repr=False)
    storage_url: str = ""
    storage_client_id: str = ""
    next_stage_url: str = ""
    next_stage_secret: str = field(default="", repr=False)
    next_stage_links: str = "sas"
    next_stage_allow_http: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "FunctionSettings":
        """Read `environ` (the process's own by default).

        Raises InvalidSettings, naming every problem at once: a redeploy per typing error is slow.
        """
        given = os.environ if environ is None else environ
        problems = [
            f"{name} is a Key Vault reference that was not resolved: check the secret's name, and that the app's "
            "identity may read it"
            for name, value in sorted(given.items())
            if value.strip().startswith(UNRESOLVED_REFERENCES)
        ]
        time_limit_s, time_problems = _time_limit(given.get("EVENT_TIME_LIMIT_S", ""))
        settings = cls(
            service_url=given.get("SERVICE_URL", "").strip().rstrip("/"),
            service_api_key=given.get("SERVICE_API_KEY", "").strip(),
            event_time_limit_s=time_limit_s,
            upload_containers=given.get("UPLOAD_CONTAINERS", "").strip() or cls.upload_containers,
            shared_container=given.get("SHARED_CONTAINER", "").strip(),
            blob_trigger_source=given.get("BLOB_TRIGGER_SOURCE", "").strip() or cls.blob_trigger_source,
            upload_suffixes=_words(given.get("UPLOAD_SUFFIXES", "").lower()) or cls.upload_suffixes,
            event_apis=_words(given.get("EVENT_APIS", "")) or cls.event_apis,
            results_container=given.get("RESULTS_CONTAINER", "").strip() or cls.results_container,
            default_media_type=given.get("DEFAULT_MEDIA_TYPE", "").strip().lower() or cls.default_media_type,
            # The names Functions itself gives to a connection called MEDIA_STORAGE.
            storage_connection_string=given.get("MEDIA_STORAGE", "").strip(),
            storage_url=given.get("MEDIA_STORAGE__blobServiceUri", "").strip().rstrip("/"),
            storage_client_id=given.get("MEDIA_STORAGE__clientId", "").strip(),
            next_stage_url=given.get("NEXT_STAGE_URL", "").strip(),
            next_stage_secret=given.get("NEXT_STAGE_SECRET", "").strip(),
            next_stage_links=given.get("NEXT_STAGE_LINKS", "").strip().lower() or cls.next_stage_links,
            next_stage_allow_http=given.get("NEXT_STAGE_ALLOW_HTTP", "").strip().lower() in ("true", "1", "on"),
        )
        problems += time_problems + _problems(settings)
        if problems:
            raise InvalidSettings("; ".join(problems))
        return settings


def _problems(settings: FunctionSettings) -> list[str]:
    unknown_suffixes = settings.upload_suffixes - SUFFIXES
    checks = [
        (not _is_http(settings.service_url), "SERVICE_URL must be an http(s) address"),
        (bool(unknown_suffixes), f"UPLOAD_SUFFIXES has unknown {' '.join(sorted(unknown_suffixes))}"),
        (
            settings.blob_trigger_source not in BLOB_TRIGGER_SOURCES,
            f"BLOB_TRIGGER_SOURCE must be {' or '.join(BLOB_TRIGGER_SOURCES)}",
        ),
        (settings.default_media_type not in MEDIA_TYPES, "DEFAULT_MEDIA_TYPE must be posed or wild"),
        (
            bool(settings.storage_connection_string and settings.storage_url),
            "MEDIA_STORAGE and MEDIA_STORAGE__blobServiceUri are both set: keep one",
        ),
        (
            bool(settings.storage_url) and not _is_http(settings.storage_url),
            "MEDIA_STORAGE__blobServiceUri must be an http(s) address",
        ),
        (
            settings.results_container == settings.shared_container,
            "SHARED_CONTAINER must not be the results container",
        ),
        (settings.next_stage_links not in ("sas", "plain"), "NEXT_STAGE_LINKS must be sas or plain"),
        (
            bool(settings.next_stage_url) and not _is_http(settings.next_stage_url),
            "NEXT_STAGE_URL must be an http(s) address",
        ),
        (
            _is_http(settings.next_stage_url)
            and not (settings.next_stage_allow_http or _stays_private(settings.next_stage_url)),
            "NEXT_STAGE_URL must be an https address beyond this machine and cluster, or NEXT_STAGE_ALLOW_HTTP=true",
        ),
        (
            bool(settings.next_stage_url) and len(settings.next_stage_secret) < SHORTEST_SECRET,
            f"NEXT_STAGE_SECRET needs at least {SHORTEST_SECRET} characters when NEXT_STAGE_URL is set",
        ),
    ]
    return [problem for found, problem in checks if found]


def _time_limit(text: str) -> tuple[float, list[str]]:
    if not text.strip():
        return FunctionSettings.event_time_limit_s, []
    problem = f"EVENT_TIME_LIMIT_S must be a number above 0 and at most {LONGEST_EVENT_TIME_LIMIT_S:.0f}"
    try:
        seconds = float(text)
    except ValueError:
        return FunctionSettings.event_time_limit_s, [problem]
    return seconds, [] if 0 < seconds <= LONGEST_EVENT_TIME_LIMIT_S else [problem]


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lstrip(".") for word in text.replace(",", " ").split())


def _stays_private(url: str) -> bool:
    """Whether links sent there cross no network in the clear: by TLS, on loopback, or inside the cluster."""
    parts = urlsplit(url)
    name = (parts.hostname or "").rstrip(".").lower()
    try:
        is_loopback = ipaddress.ip_address(name).is_loopback
        is_internal = False
    except ValueError:
        is_loopback = name == "localhost"
        is_internal = "." not in name or name.endswith((".svc", ".cluster.local"))
    return parts.scheme == "https" or is_loopback or is_internal


def _is_http(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
