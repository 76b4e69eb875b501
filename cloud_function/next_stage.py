"""Tells the next stage that a job's results are published, signed so that it can trust the call.

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

Any 2xx ends the matter; every other answer makes the host try again.
"""

import hashlib
import hmac
import json
import logging
import time
from typing import Any

import requests

from decision_log import log_decision
from function_settings import FunctionSettings
from intake import ResultsCsv
from service_client import RetryLater, ServiceClient
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
    # The service is asked although the event names the blob: anyone who can write into the container
    # can raise an event, but only a published job has an answer here.
    answer = ServiceClient(settings, traceparent).results(results.job_id, settings.next_stage_links)
    if answer.refused_for_good:
        log_decision("next_stage.no_results", level=logging.WARNING, status=answer.status, code=answer.code, **about)
        return
    if not answer.succeeded:
        log_decision("next_stage.retry", level=logging.WARNING, status=answer.status, **about)
        raise RetryLater(f"the service answered {answer.status} ({answer.code}) for the results")
    status = _post(_body(answer.json()), results.job_id, settings, traceparent)
    if not 200 <= status < 300:
        log_decision("next_stage.retry", level=logging.WARNING, status=status, **about)
        raise RetryLater(f"the next stage answered {status}")
    log_decision("next_stage.called", status=status, **about)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of `X-Signature`."""
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def _body(published: dict[str, Any]) -> bytes:
    named = {name: published.get(name) for name in _PASSED_ON}
    return json.dumps({"schema": BODY_SCHEMA} | named, separators=(",", ":")).encode()


def _post(body: bytes, job_id: str, settings: FunctionSettings, traceparent: str) -> int:
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": job_id,
        "traceparent": traceparent,
        "X-Signature-Timestamp": timestamp,
        "X-Signature": signature(settings.next_stage_secret, timestamp, body),
    }
    try:
        response = requests.post(
            settings.next_stage_url,
            data=body,
            headers=headers,
            timeout=settings.call_time_limit_s,
            # A redirect would carry the signed links to an address nobody configured.
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise RetryLater(f"no answer from the next stage: {type(error).__name__}") from error
    return response.status_code
