"""A worker whose clock is wrong by the server's time says so, or does not start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from structlog.testing import capture_logs

from service.jobs.backend import JobBackend
from service.settings import BadSettings, Settings

HOST = "127.0.0.1"


@contextmanager
def storage_ahead(seconds: float) -> Iterator[JobBackend]:
    """Stand-in tables whose server's clock is ahead of this machine's."""

    class Tables(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"value": []}'
            self.send_response_only(200)
            self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Tables) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint = f"http://{HOST}:{server.server_address[1]}/any"
        text = f"DefaultEndpointsProtocol=http;AccountName=any;AccountKey=a2V5;TableEndpoint={endpoint};"
        text += f"BlobEndpoint={endpoint};QueueEndpoint={endpoint};"
        try:
            yield JobBackend.connect(Settings.load({"AZURE_STORAGE_CONNECTION_STRING": text}))
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("seconds", [0, 20, -20])
def test_a_small_difference_is_not_mentioned(seconds: float) -> None:
    with storage_ahead(seconds) as backend, capture_logs() as logs:
        backend.check_clock()
    assert logs == []


@pytest.mark.parametrize("seconds", [60, -60])
def test_over_30_seconds_a_worker_warns(seconds: float) -> None:
    with storage_ahead(seconds) as backend, capture_logs() as logs:
        backend.check_clock()
    [line] = logs
    assert (line["event"], line["log_level"]) == ("clock.skewed", "warning")
    assert abs(line["seconds_ahead"] + seconds) < 3


@pytest.mark.parametrize(("seconds", "says"), [(600, "behind"), (-600, "ahead of")])
def test_over_5_minutes_a_worker_does_not_start(seconds: float, says: str) -> None:
    with storage_ahead(seconds) as backend, pytest.raises(BadSettings, match=f"{says} storage's"):
        backend.check_clock()
