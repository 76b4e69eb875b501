"""Decide what a storage event is about: an upload to analyse, a finished results CSV, or neither.

Separate because this decision is pure: a table of events tests it with no storage and no service.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

import azure.functions as func

from function_settings import IN_UPLOADS_OWN_CONTAINER, FunctionSettings
from media_kind import SUFFIXES, is_apple_double, media_of, suffix_of

BLOB_CREATED = "Microsoft.Storage.BlobCreated"
# The last step of an upload by WinSCP and by Data Lake clients, which write under a temporary name.
BLOB_RENAMED = "Microsoft.Storage.BlobRenamed"
RESULTS_FOLDER = "_results/"

_SUBJECT = re.compile(r"/blobServices/default/containers/(?P<container>[^/]+)/blobs/(?P<blob>.+)", re.DOTALL)
_RESULTS_CSV = re.compile(r".+/(?P<job_id>[0-9a-f]{32})/[^/]+\.csv", re.DOTALL)
# Pages and the client upload into these, and submit what they sent with options of their own choice; a job without
# those beside it would measure the file twice. Where a sender died in between, the service's sweep finds the upload.
_SENDERS_CONTAINERS = "uploads-"
_SENT = re.compile(r"[0-9a-f]{64}/[^/]+")
_SYSTEM_CONTAINERS = ("$", "azure-webjobs-")


@dataclass(frozen=True)
class StorageEvent:
    """The fields that both schemas, Event Grid and CloudEvents, have; None where the event lacks one."""

    event_type: str
    subject: str
    api: str
    content_type: str | None = None
    length: int | None = None


@dataclass(frozen=True)
class Upload:
    """A photo or video that is complete; `media` is None as long as only its content type can tell."""

    container: str
    blob: str
    media: str | None


@dataclass(frozen=True)
class ResultsCsv:
    """The CSV that appears when a job's results are published."""

    container: str
    blob: str
    job_id: str


@dataclass(frozen=True)
class Ignored:
    """Neither; `reason` is a stable word for logs and tests."""

    reason: str
    container: str = ""
    blob: str = ""


Subject = Upload | ResultsCsv | Ignored


def read_event(event: func.EventGridEvent | func.CloudEvent) -> StorageEvent:
    """Read an event of either schema; whatever has another shape than documented counts as absent."""
    event_type = event.type if isinstance(event, func.CloudEvent) else event.event_type
    details = event.get_json()
    if not isinstance(details, dict):
        details = {}
    content_type = details.get("contentType")
    return StorageEvent(
        event_type=_text(event_type),
        subject=_text(event.subject),
        api=_text(details.get("api")),
        content_type=content_type if isinstance(content_type, str) and content_type else None,
        length=_length(details.get("contentLength")),
    )


def of_event(event: StorageEvent, settings: FunctionSettings) -> Subject:
    """Decide from an event."""
    if event.event_type not in (BLOB_CREATED, BLOB_RENAMED):
        return Ignored("other_event_type")
    # The subject has the blob's name as it is; the URL in `data` is encoded, and differs with the endpoint.
    names = _SUBJECT.fullmatch(event.subject)
    if names is None:
        return Ignored("odd_subject")
    container, blob = names["container"], names["blob"]
    if event.api not in settings.event_apis:
        return Ignored("other_api", container, blob)
    return of_blob(container, blob, event.content_type, event.length, settings)


def of_blob(
    container: str, blob: str, content_type: str | None, length: int | None, settings: FunctionSettings
) -> Subject:
    """Decide from a blob's place, content type and length in bytes; None where these are not known."""
    # Data Lake clients create a file empty and fill it later: the placeholder is not the upload.
    if length is not None and length <= 0:
        return Ignored("empty", container, blob)
    if container.startswith(_SYSTEM_CONTAINERS):
        return Ignored("system_container", container, blob)
    if _is_results_place(container, blob, settings):
        found = _RESULTS_CSV.fullmatch(blob)
        return ResultsCsv(container, blob, found["job_id"]) if found else Ignored("artefact", container, blob)
    if blob.startswith(RESULTS_FOLDER):
        return Ignored("other_results", container, blob)
    if container != settings.shared_container and not fnmatchcase(container, settings.upload_containers):
        return Ignored("other_container", container, blob)
    if container.startswith(_SENDERS_CONTAINERS) and _SENT.fullmatch(blob):
        return Ignored("submitted_by_sender", container, blob)
    if is_apple_double(blob):
        return Ignored("apple_double", container, blob)
    media = media_of(blob, content_type, settings.upload_suffixes)
    if media is None and (content_type is not None or suffix_of(blob) in SUFFIXES):
        return Ignored("other_kind", container, blob)
    return Upload(container, blob, media)


def is_for_blob_trigger(event: StorageEvent, found: Subject, settings: FunctionSettings) -> bool:
    """Whether the blob trigger of the shared container submits this upload; it hears of created blobs only."""
    is_shared = isinstance(found, Upload) and found.container == settings.shared_container
    return is_shared and event.event_type == BLOB_CREATED


def reason_not_upload(found: ResultsCsv | Ignored) -> str:
    """Say why the trigger of uploads ignores an event."""
    return found.reason if isinstance(found, Ignored) else "results"


def reason_not_results(found: Upload | Ignored) -> str:
    """Say why the trigger of results ignores an event."""
    return found.reason if isinstance(found, Ignored) else "upload"


def _is_results_place(container: str, blob: str, settings: FunctionSettings) -> bool:
    if settings.results_container == IN_UPLOADS_OWN_CONTAINER:
        return blob.startswith(RESULTS_FOLDER)
    return container == settings.results_container


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _length(value: object) -> int | None:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value.strip()[:20])
    return value if isinstance(value, int) and not isinstance(value, bool) else None
