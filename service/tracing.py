"""Traces by OpenTelemetry, from the upload's event through queue and pipeline to the result.

OpenTelemetry's API is always there and does nothing without its SDK: spans then only pass on their `traceparent`. The
SDK and the exporters are an extra (`requirements-otel.txt`), set up here where the settings name a destination.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service import __version__
from service.settings import BadSettings, Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Kind = Literal["INTERNAL", "PRODUCER", "CONSUMER"]

EXPORTERS = "opentelemetry_traces_exporter"
"""The group of entry points under which OpenTelemetry's exporters are installed."""
OTLP, AZURE_MONITOR = "otlp_proto_http", "azure_monitor_opentelemetry_exporter"

_provider: TracerProvider | None = None
_tracer: trace.Tracer = trace.NoOpTracer()
_W3C = TraceContextTextMapPropagator()


def configure(settings: Settings, part: str, identity: Any = None) -> None:
    """Export the spans of this process to the destination in the settings, if there is one.

    Args:
        part: of the service, such as `web` or `worker`.
        identity: credential for Azure Monitor; None where its connection string is enough.

    Raises:
        BadSettings: the packages are not installed.
    """
    global _provider, _tracer
    chosen = _exporter_options(settings, identity)
    if not chosen:
        return
    name, options = chosen
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, TraceIdRatioBased

        [found] = entry_points(group=EXPORTERS, name=name)
        exporter = found.load()(**options)
    except (ImportError, ValueError) as error:
        raise BadSettings(
            "OTEL_EXPORTER_OTLP_ENDPOINT or APPLICATIONINSIGHTS_CONNECTION_STRING is set, and cannot be used: install "
            f"requirements-otel.txt and look at its value ({type(error).__name__})"
        ) from error
    close()
    resource = {
        "service.namespace": "faceline",
        "service.name": part,
        "service.version": __version__,
        "service.instance.id": settings.worker_name,
    }
    # None of these asks the parent: a trace that the Functions host does not record is recorded from here on. The id
    # alone decides, and so alike on both sides of the queue.
    samplers = {"always_on": ALWAYS_ON, "always_off": ALWAYS_OFF}
    sampler = samplers.get(settings.otel_traces_sampler) or TraceIdRatioBased(settings.otel_traces_sampler_arg)
    _provider = TracerProvider(sampler, resource=Resource.create(resource))
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("faceline", __version__)


def close() -> None:
    """Export the remaining spans and stop."""
    global _provider, _tracer
    if _provider:
        _provider.shutdown()
    _provider, _tracer = None, trace.NoOpTracer()


@contextmanager
def span(name: str, traceparent: str = "", kind: Kind = "INTERNAL", **attributes: str | int) -> Iterator[str]:
    """Record a span around the block; an error marks it as failed.

    Args:
        traceparent: of a caller in another process; without one the parent is the span around this block.

    Yields:
        The traceparent for the calls that the block makes.
    """
    parent = _W3C.extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, parent, SpanKind[kind], attributes):
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        yield carrier.get("traceparent", traceparent)


def _exporter_options(settings: Settings, identity: Any) -> tuple[str, dict[str, Any]] | None:
    if settings.otel_exporter_otlp_endpoint:
        endpoint = settings.otel_exporter_otlp_endpoint.get_secret_value().rstrip("/")
        return OTLP, {"endpoint": f"{endpoint}/v1/traces"}
    if settings.applicationinsights_connection_string:
        connection = settings.applicationinsights_connection_string.get_secret_value()
        return AZURE_MONITOR, {"connection_string": connection, **({"credential": identity} if identity else {})}
    return None
