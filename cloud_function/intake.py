"""What a storage event is to us: an upload to analyse, a finished results CSV, or nothing.

Separate because this decision is pure: a table of events tests it with no storage and no service.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from function_settings import IN_UPLOADS_OWN_CONTAINER, FunctionSettings
from media_kind import media_of

BLOB_CREATED = "Microsoft.Storage.BlobCreated"
RESULTS_FOLDER = "_results/"

_SUBJECT = re.compile(r"/blobServices/default/containers/(?P<container>[^/]+)/blobs/(?P<blob>.+)", re.DOTALL)
_RESULTS_CSV = re.compile(r".+/(?P<job_id>[0-9a-f]{32})/[^/]+\.csv", re.DOTALL)
_SYSTEM_CONTAINERS = ("$", "azure-webjobs-")


@dataclass(frozen=True)
class Upload:
    """A photo or video that came whole."""

    container: str
    blob: str
    media: str


@dataclass(frozen=True)
class ResultsCsv:
    """The CSV whose appearing says that a job's results are published."""

    container: str
    blob: str
    job_id: str


@dataclass(frozen=True)
class Ignored:
    """Nothing for us; `reason` is a stable word for logs and tests."""

    reason: str
    container: str = ""
    blob: str = ""


Intake = Upload | ResultsCsv | Ignored


def of_event(event_type: str, subject: str, details: Mapping[str, object], settings: FunctionSettings) -> Intake:
    """Decide from an Event Grid event: its type, its subject and its `data`."""
    if event_type != BLOB_CREATED:
        return Ignored("not_blob_created")
    # The subject has the blob's name as it is; the URL in `data` is encoded, and differs with the endpoint.
    names = _SUBJECT.fullmatch(subject)
    if names is None:
        return Ignored("odd_subject")
    container, blob = names["container"], names["blob"]
    if details.get("api") not in settings.event_apis:
        return Ignored("other_api", container, blob)
    length = details.get("contentLength")
    content_type = str(details.get("contentType") or "")
    return of_blob(container, blob, content_type, length if isinstance(length, int) else 0, settings)


def of_blob(container: str, blob: str, content_type: str, length: int, settings: FunctionSettings) -> Intake:
    """Decide from a blob's place, content type and length in bytes."""
    # Data Lake clients create a file empty and fill it later: the placeholder is not the upload.
    if length <= 0:
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
    media = media_of(blob, content_type, settings.upload_suffixes)
    return Upload(container, blob, media) if media else Ignored("other_suffix", container, blob)


def reason_not_upload(found: ResultsCsv | Ignored) -> str:
    """Why an upload's trigger has nothing to do."""
    return found.reason if isinstance(found, Ignored) else "results"


def reason_not_results(found: Upload | Ignored) -> str:
    """Why the next stage's trigger has nothing to do."""
    return found.reason if isinstance(found, Ignored) else "upload"


def _is_results_place(container: str, blob: str, settings: FunctionSettings) -> bool:
    if settings.results_container == IN_UPLOADS_OWN_CONTAINER:
        return blob.startswith(RESULTS_FOLDER)
    return container == settings.results_container
