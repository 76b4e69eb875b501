"""Call the next stage when a job's results are published, signed so that it can trust the call.

Separate because this is the contract with a receiver that others write.

The receiver gets `POST NEXT_STAGE_URL` with a JSON body (`schema`, `job_id`, `container`, `blob`, `media`,
`media_type`, `csv_sha256`, `links`, `manifest`) and these headers:

    Idempotency-Key        the job id: the same results may be announced more than once
    traceparent            W3C trace context
    X-Signature-Timestamp  Unix seconds, as decimal text
    X-Signature            "sha256=" + hex of HMAC-SHA256(NEXT_STAGE_SECRET, timestamp + "." + body)

To verify: refuse a timestamp more than five minutes off, compute the HMAC over the raw body bytes before
parsing them, and compare in constant time:

    expected = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    hmac.compare_digest("sha256=" + expected, request.headers["X-Signature"])

Any 2xx settles the call; after every other answer the host tries again.
"""

import hashlib
import hmac
import json
import logging
import time
from typing import Any

from deadline import Deadline
from decision_log import log_decision
from errors import RetryLater
from function_settings import FunctionSettings
from http_call import CallFailed, call
from service_client import KEY_REFUSED, Answer, ServiceClient
from storage_events import ResultsCsv
from tracing import trace_id_of

BODY_SCHEMA = 1
_PASSED_ON = ("job_id", "container", "blob", "media", "media_type", "csv_sha256", "links", "manifest")


def announce(results: ResultsCsv, settings: FunctionSettings, traceparent: str) -> None:
    """Call the next stage for `results`. Raises RetryLater where another try may help."""
    about: dict[str, Any] = {
        "job_ids": [results.job_id],
        "container": results.container,
        "blob": results.blob,
        "trace_id": trace_id_of(traceparent),
    }
    if not settings.next_stage_url:
        log_decision("next_stage.not_configured", **about)
        return
    deadline = Deadline.after(settings.event_time_limit_s)
    try:
        # The service is asked although the event names the blob: anyone who can write into the container can raise an
        # event, but only a published job has an answer here.
        answer = ServiceClient(settings, deadline, traceparent).results(results.job_id, settings.next_stage_links)
        if answer.is_final:
            fields = {"status": answer.status, "code": answer.code}
            log_decision("next_stage.no_results", level=logging.WARNING, **fields, **about)
            return
        _check(answer, about)
        status = _post(_body(answer.json), results.job_id, settings, deadline, traceparent)
        if not 200 <= status < 300:
            raise RetryLater(f"the next stage answered {status}")
    except RetryLater as error:
        log_decision("next_stage.retry", level=logging.WARNING, error=str(error), **about)
        raise
    log_decision("next_stage.called", status=status, **about)


def _check(answer: Answer, about: dict[str, Any]) -> None:
    """Accept nothing but the published results. Raises RetryLater."""
    if answer.status in KEY_REFUSED:
        log_decision("service.key_refused", level=logging.ERROR, status=answer.status, code=answer.code, **about)
    if not answer.succeeded or answer.json.get("job_id") not in about["job_ids"]:
        raise RetryLater(f"the service answered {answer.status} ({answer.code}) for the results")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of `X-Signature`."""
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def _body(published: dict[str, Any]) -> bytes:
    named = {name: published.get(name) for name in _PASSED_ON}
    return json.dumps({"schema": BODY_SCHEMA} | named, separators=(",", ":")).encode()


def _post(body: bytes, job_id: str, settings: FunctionSettings, deadline: Deadline, traceparent: str) -> int:
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": job_id,
        "traceparent": traceparent,
        "X-Signature-Timestamp": timestamp,
        "X-Signature": signature(settings.next_stage_secret, timestamp, body),
    }
    try:
        return call("POST", settings.next_stage_url, deadline, data=body, headers=headers).status
    except CallFailed as error:
        raise RetryLater(f"no answer from the next stage: {error}") from error
