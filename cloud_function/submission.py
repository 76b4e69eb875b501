"""Submits one upload to the service and settles what its answer means for the event.

Separate because the Event Grid trigger and the blob trigger end in the same steps.
"""

import logging
from collections.abc import Mapping
from typing import Any

from azure.storage.blob import BlobClient

import intake
from blob_metadata import BlobGone, facts_of, read_metadata
from decision_log import log_decision, log_ignored
from function_settings import FunctionSettings
from media_kind import media_type_of
from service_client import RetryLater, ServiceClient
from tracing import trace_id_of


def submit_from_event(upload: intake.Upload, settings: FunctionSettings, traceparent: str) -> None:
    """Start the analysis of an upload that an event named. Raises RetryLater."""
    try:
        metadata = read_metadata(upload.container, upload.blob, settings)
    except BlobGone:
        _log_gone(upload.container, upload.blob, traceparent)
        return
    _submit(upload, metadata, settings, traceparent)


def submit_from_reference(client: BlobClient, settings: FunctionSettings, traceparent: str) -> None:
    """Start the analysis of the upload that a blob trigger refers to. Raises RetryLater."""
    container, blob = client.container_name, client.blob_name
    try:
        facts = facts_of(client, settings.call_time_limit_s)
    except BlobGone:
        _log_gone(container, blob, traceparent)
        return
    found = intake.of_blob(container, blob, facts.content_type, facts.length, settings)
    if isinstance(found, intake.Upload):
        _submit(found, facts.metadata, settings, traceparent)
    else:
        log_ignored(intake.reason_not_upload(found), container, blob, traceparent)


def _submit(upload: intake.Upload, metadata: Mapping[str, str], settings: FunctionSettings, traceparent: str) -> None:
    media_type = media_type_of(upload.blob, metadata, settings.default_media_type)
    about: dict[str, Any] = {
        "container": upload.container,
        "blob": upload.blob,
        "media": upload.media,
        "media_type": media_type.name,
        "media_type_from": media_type.said_by,
        "trace_id": trace_id_of(traceparent),
    }
    answer = ServiceClient(settings, traceparent).analyse(
        upload.media, media_type.name, upload.container, {"blob": upload.blob}
    )
    if answer.succeeded:
        log_decision("upload.submitted", status=answer.status, job_ids=answer.job_ids, **about)
        return
    about |= {"status": answer.status, "code": answer.code}
    if answer.refused_for_good:
        log_decision("upload.refused", level=logging.WARNING, **about)
        return
    log_decision("upload.retry", level=logging.WARNING, **about)
    raise RetryLater(f"the service answered {answer.status} ({answer.code})")


def _log_gone(container: str, blob: str, traceparent: str) -> None:
    log_decision("upload.gone", container=container, blob=blob, trace_id=trace_id_of(traceparent))
