"""One trace from the caller's `traceparent` over the queue to the published result, at a real OTLP receiver."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from infra.local.loopback import HOST
from service import tracing
from service.settings import BadSettings, Settings
from tests.fixtures.media_made import jpeg
from tests.integration.worker.conftest import TRACE, Bench

HAS_EXTRA = find_spec("opentelemetry") is not None and find_spec("opentelemetry.exporter") is not None
with_extra = pytest.mark.skipif(not HAS_EXTRA, reason="requirements-otel.txt is not installed")


@dataclass
class Receiver:
    """Keeps the spans that it is sent."""

    endpoint: str = ""
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def named(self, name: str) -> Any:
        [found] = [span for span in self.spans if span.name == name]
        return found

    def take(self, path: str, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(attributes["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    receiver.endpoint = f"http://{HOST}:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as own:
        tracing.configure(Settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": own.endpoint}), "worker")
        yield own
        tracing.close()


@with_extra
def test_a_job_is_one_trace_from_its_caller_to_its_result(bench: Bench, receiver: Receiver) -> None:
    job = bench.submit("face.jpg", jpeg())
    with bench.worker():
        bench.finished(job)
        bench.settled()
    tracing.close()
    _, trace_id, caller, _ = TRACE.split("-")
    assert {span.trace_id.hex() for span in receiver.spans} == {trace_id}
    submit, work = receiver.named("submit"), receiver.named("job")
    assert submit.parent_span_id.hex() == caller
    # Across the queue: the message carries the span that sent it.
    assert work.parent_span_id == submit.span_id
    assert (submit.kind, work.kind) == (4, 5)  # PRODUCER, CONSUMER of trace.proto
    steps = ["claim", "fetch", "probe", "prepare", "engine", "results", "publish"]
    assert [receiver.named(step).parent_span_id for step in steps] == [work.span_id] * len(steps)
    [job_id] = [each.value.string_value for each in work.attributes if each.key == "job_id"]
    assert job_id == job.job_id
    assert receiver.services == {"worker"}


def exported(sampling: dict[str, str], traceparents: list[str]) -> dict[str, list[str]]:
    """Names of the exported spans by trace id, where a web server submits and a worker then works."""
    with receiving() as own:
        settings = Settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": own.endpoint, **sampling})
        messages = []
        tracing.configure(settings, "web")
        for traceparent in traceparents:
            with tracing.span("submit", traceparent, "PRODUCER") as carried:
                messages.append(carried)
        tracing.configure(settings, "worker")
        for message in messages:
            with tracing.span("job", message, "CONSUMER"), tracing.span("claim"):
                pass
        tracing.close()
        found: dict[str, list[str]] = {}
        for span in own.spans:
            found.setdefault(span.trace_id.hex(), []).append(span.name)
        return found


# The sampler compares the last 16 digits with the share.
TRACES = [f"00-{'a' * 16}{number:x}{'0' * 15}-{'b' * 16}-{{}}" for number in range(16)]


@with_extra
@pytest.mark.parametrize("flags", ["00", "01"])
@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        ({}, 16),
        ({"OTEL_TRACES_SAMPLER_ARG": "0.25"}, 4),
        ({"OTEL_TRACES_SAMPLER_ARG": "0"}, 0),
        ({"OTEL_TRACES_SAMPLER": "always_on", "OTEL_TRACES_SAMPLER_ARG": "0"}, 16),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, 0),
    ],
)
def test_the_rate_decides_and_never_the_callers_flag(flags: str, sampling: dict[str, str], kept: int) -> None:
    found = exported(sampling, [trace.format(flags) for trace in TRACES])
    assert len(found) == kept
    assert all(sorted(names) == ["claim", "job", "submit"] for names in found.values())


def test_a_sampler_that_asks_the_caller_is_refused() -> None:
    with pytest.raises(BadSettings, match="OTEL_TRACES_SAMPLER"):
        Settings.load({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"})


@with_extra
def test_a_step_that_fails_is_marked(bench: Bench, receiver: Receiver) -> None:
    job = bench.submit("broken.jpg", b"no picture")
    with bench.worker():
        bench.finished(job)
        bench.settled()
    tracing.close()
    assert receiver.named("probe").status.code == 2  # STATUS_CODE_ERROR
    assert receiver.named("fetch").status.code == 0


def test_without_a_place_the_callers_trace_is_passed_on_as_it_is() -> None:
    tracing.configure(Settings.load({}), "worker")
    with tracing.span("submit", TRACE) as carried:
        assert carried == TRACE


def test_the_places_are_secrets_and_not_both_are_taken() -> None:
    text = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://hush.example/"
    settings = Settings.load({"APPLICATIONINSIGHTS_CONNECTION_STRING": text})
    assert "hush" not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(BadSettings, match="both set"):
        Settings.load({"APPLICATIONINSIGHTS_CONNECTION_STRING": text, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"})


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from service import tracing, wiring
from service.settings import BadSettings, Settings

tracing.configure(Settings.load({}), "web")
given = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"
with tracing.span("submit", given) as carried:
    assert carried == given
try:
    tracing.configure(Settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}), "web")
except BadSettings as error:
    assert "requirements-otel.txt" in str(error)
    print("refused")
"""


def test_without_the_extra_nothing_changes_until_it_is_asked_for() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout == "refused\n", done.stderr


@with_extra
def test_azure_monitor_is_a_place_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    # The exporter would tell its maker of its own use.
    monkeypatch.setenv("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
    pytest.importorskip("azure.monitor.opentelemetry.exporter")
    key = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=http://127.0.0.1:1/"
    tracing.configure(Settings.load({"APPLICATIONINSIGHTS_CONNECTION_STRING": key}), "web")
    with tracing.span("submit", TRACE) as carried:
        assert carried.split("-")[1] == TRACE.split("-")[1]
        assert carried != TRACE
    assert tracing._provider is not None
    tracing._provider._active_span_processor._span_processors = ()  # nothing is sent: the address has no listener
    tracing.close()
