"""Submit one upload to the service, and decide what its answer means for the event.

Separate because the Event Grid trigger and the blob trigger end in the same steps.
"""

import logging
from typing import Any

import storage_events
from blob_facts import BlobFacts, read_facts
from deadline import Deadline
from decision_log import log_decision, log_ignored
from errors import BlobGone, RetryLater
from function_settings import FunctionSettings
from media_kind import is_member_of_sequence, media_type_of, options_of
from service_client import KEY_REFUSED, Answer, ServiceClient
from storage_events import Upload
from tracing import trace_id_of


def submit_blob(container: str, blob: str, settings: FunctionSettings, traceparent: str) -> None:
    """Start the analysis of a blob if it is an upload. Raises RetryLater."""
    submit(storage_events.of_blob(container, blob, None, None, settings), settings, traceparent)


def submit(found: storage_events.Subject, settings: FunctionSettings, traceparent: str) -> None:
    """Start the analysis of an upload; log why anything else is ignored. Raises RetryLater."""
    about: dict[str, Any] = {
        "container": found.container,
        "blob": found.blob,
        "trace_id": trace_id_of(traceparent),
    }
    deadline = Deadline.after(settings.event_time_limit_s)
    try:
        facts = None
        if isinstance(found, Upload):
            facts = read_facts(found.container, found.blob, settings, deadline)
            found = _with_facts(found, facts, settings)
        if facts and is_member_of_sequence(facts.metadata):
            log_ignored("member_of_sequence", found.container, found.blob, traceparent)
            return
        if not isinstance(found, Upload) or found.media is None:
            reason = "unknown_kind" if isinstance(found, Upload) else storage_events.reason_not_upload(found)
            log_ignored(reason, found.container, found.blob, traceparent)
            return
        metadata = facts.metadata if facts else {}
        media_type = media_type_of(found.blob, metadata, settings.default_media_type)
        about |= {"media": found.media, "media_type": media_type.name, "media_type_from": media_type.source}
        answer = ServiceClient(settings, deadline, traceparent).analyse(
            found.media, media_type.name, found.container, {**options_of(metadata), "blob": found.blob}
        )
    except BlobGone:
        log_decision("upload.gone", **about)
    except RetryLater as error:
        # The host logs the error without the blob that it was about.
        log_decision("upload.retry", level=logging.WARNING, error=str(error), **about)
        raise
    else:
        _settle(answer, about)


def _with_facts(upload: Upload, facts: BlobFacts | None, settings: FunctionSettings) -> storage_events.Subject:
    """Decide again with what storage says, which counts for more than what an event does."""
    if facts is None:
        return upload
    return storage_events.of_blob(upload.container, upload.blob, facts.content_type, facts.length, settings)


def _settle(answer: Answer, about: dict[str, Any]) -> None:
    if answer.succeeded and answer.job_ids is not None:
        log_decision("upload.submitted", status=answer.status, job_ids=answer.job_ids, **about)
        return
    about = about | {"status": answer.status, "code": answer.code}
    if answer.is_final:
        log_decision("upload.refused", level=logging.WARNING, **about)
        return
    if answer.status in KEY_REFUSED:
        log_decision("service.key_refused", level=logging.ERROR, **about)
    log_decision("upload.retry", level=logging.WARNING, **about)
    raise RetryLater(f"the service answered {answer.status} ({answer.code}) for {about['container']}/{about['blob']}")
