"""The real function app, loaded as the host loads it, with real servers around it."""

import importlib
import json
import logging
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azure.storage.blob import BlobServiceClient, ContentSettings

from infra.local.azurite import Azurite
from tests.cloud_function.app_under_test import APP_FOLDER, TRACEPARENT
from tests.cloud_function.stand_in import StandIn, serving

# The modules of the app import one another by bare name, as they do where they are deployed.
sys.path.insert(0, str(APP_FOLDER))


class Triggers(dict[str, Callable[..., Any]]):
    """The app's functions by name; `bindings` has their triggers as the host reads them."""

    bindings: dict[str, dict[str, Any]]


@pytest.fixture
def service() -> Iterator[StandIn]:
    with serving(StandIn()) as stand_in:
        yield stand_in


@pytest.fixture
def receiver() -> Iterator[StandIn]:
    with serving(StandIn(status=204)) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def media_storage(azurite: Azurite) -> str:
    return azurite.connection_string


@pytest.fixture
def upload(media_storage: str) -> Callable[..., str]:
    """Put a blob into a new container; returns the container."""

    def put(
        blob: str, content: bytes = b"media", *, content_type: str = "", metadata: dict[str, str] | None = None
    ) -> str:
        container = str(uuid.uuid4())
        settings = ContentSettings(content_type=content_type or "application/octet-stream")
        with BlobServiceClient.from_connection_string(media_storage) as storage:
            client = storage.create_container(container)
            client.upload_blob(blob, content, metadata=metadata, content_settings=settings)
        return container

    return put


@pytest.fixture
def load_app(monkeypatch: pytest.MonkeyPatch, service: StandIn) -> Callable[..., Triggers]:
    """The app's functions by name, for an environment; each is called with its trigger's value alone."""

    def load(**environ: str) -> Triggers:
        for name, value in ({"SERVICE_URL": service.url, "EVENT_TIME_LIMIT_S": "4"} | environ).items():
            monkeypatch.setenv(name, value)
        sys.modules.pop("function_app", None)
        app = importlib.import_module("function_app").app
        context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=TRACEPARENT))
        functions = {each.get_function_name(): each for each in app.get_functions()}
        triggers = Triggers(
            {name: partial(_call, each.get_user_function(), context) for name, each in functions.items()}
        )
        triggers.bindings = {name: each.get_trigger().get_dict_repr() for name, each in functions.items()}
        return triggers

    yield load
    sys.modules.pop("function_app", None)


def _call(code: Callable[..., Any], context: SimpleNamespace, trigger_value: object) -> Any:
    return code(trigger_value, context)


@pytest.fixture
def decisions(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """The decision lines logged so far."""
    caplog.set_level(logging.INFO, logger="cloud_function")
    return lambda: [json.loads(record.getMessage()) for record in caplog.records if record.name == "cloud_function"]


@pytest.fixture(scope="session")
def created() -> Callable[..., func.EventGridEvent]:
    """A BlobCreated event as Event Grid sends it, with changes to its data; None takes a field away."""

    def build(container: str, blob: str, *, event_type: str = "Microsoft.Storage.BlobCreated", **changes: Any):
        data = {
            "api": "PutBlob",
            "contentType": "application/octet-stream",
            "contentLength": 5,
            "eTag": "0x8D4BCC2E4835CD0",
            "url": f"https://account.blob.core.windows.net/{container}/{blob}",
        }
        return func.EventGridEvent(
            id=str(uuid.uuid4()),
            topic="/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
            subject=f"/blobServices/default/containers/{container}/blobs/{blob}",
            event_type=event_type,
            event_time=None,
            data_version="",
            data={name: value for name, value in (data | changes).items() if value is not None},
        )

    return build
