"""The host's half of the Functions worker protocol, spoken to the real worker library `azure-functions-runtime`.

The library indexes the app, decodes what triggers hand over, runs functions on its thread pool and encodes results,
as in Azure on Python 3.13. Only the messages are stand-ins: the host's are made by gRPC, with the same field names.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from concurrent.futures import Executor
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

SUCCESS, FAILURE = 1, 0


class Message(SimpleNamespace):
    """A protocol message: its fields, and which of those that exclude each other is set."""

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802  # protobuf's name
        return next(iter(vars(self)), None)


class StatusResult(Message):
    Failure, Success = FAILURE, SUCCESS


class BindingInfo(Message):
    undefined, out, inout = 0, 1, 2


class SameSite:
    """Of cookies, which no function of this app sets."""

    Lax = Strict = ExplicitNone = 0


class RpcHttpCookie(Message):
    SameSite = SameSite


class Protos:
    """The namespace of message types, which the process that speaks gRPC hands to the library."""

    StatusResult, BindingInfo, RpcHttpCookie = StatusResult, BindingInfo, RpcHttpCookie

    def __getattr__(self, name: str) -> type[Message]:
        # `TypedData` must be absent on values, and present here.
        return Message


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: the value that it returned, or the error that it raised."""

    succeeded: bool
    value: Any = None
    error: str = ""


class FunctionsWorker:
    """A worker with one app loaded."""

    def __init__(self, library: ModuleType, folder: str) -> None:
        self._library = library
        self._loop = asyncio.new_event_loop()
        library.start_threadpool_executor()
        init = Message(capabilities={}, function_app_directory=folder)
        answer = self._send(library.worker_init_request, "worker_init_request", init)
        if answer.result.status != SUCCESS:
            self.close()
            raise RuntimeError(answer.result.exception.message)
        metadata = self._send(library.functions_metadata_request, "functions_metadata_request", Message())
        self.functions = {each.name: each for each in metadata.function_metadata_results}

    @property
    def threads(self) -> Executor:
        """The pool that functions run on."""
        pool: Executor = self._library.get_threadpool_executor()
        return pool

    def close(self) -> None:
        self._library.stop_threadpool_executor()
        self._loop.close()

    def bindings(self, name: str) -> list[dict[str, Any]]:
        """The bindings of a function, as the host reads them."""
        return [json.loads(raw) for raw in self.functions[name].raw_bindings]

    def invoke(self, name: str, argument: str, value: Message, traceparent: str) -> Outcome:
        """Run a function with the value of its trigger."""
        invocation = Message(
            invocation_id=str(uuid.uuid4()),
            function_id=self.functions[name].function_id,
            input_data=[ParameterBinding(argument, value)],
            trigger_metadata={},
            trace_context=Message(trace_parent=traceparent, trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
        answer = self._send(self._library.invocation_request, "invocation_request", invocation)
        if answer.result.status != SUCCESS:
            return Outcome(False, error=answer.result.exception.message)
        return Outcome(True, value=answer.return_value)

    def _send(self, handler: Any, name: str, message: Message) -> Any:
        request = SimpleNamespace(
            request=SimpleNamespace(**{name: message}), properties={"host": "127.0.0.1", "protos": Protos()}
        )
        return self._loop.run_until_complete(handler(request))


class ParameterBinding:
    """One input of an invocation, sent with the message and not through shared memory."""

    def __init__(self, name: str, value: Message) -> None:
        self.name, self.data = name, value

    def WhichOneof(self, _: str) -> str:  # noqa: N802  # protobuf's name
        return "data"


def event(body: dict[str, Any]) -> Message:
    """What an Event Grid trigger hands over."""
    return Message(json=json.dumps(body))


def blob_reference(container: str, blob: str) -> Message:
    """What a blob trigger hands over where the function takes a client: a reference, and no bytes."""
    content = {"Connection": "MEDIA_STORAGE", "ContainerName": container, "BlobName": blob}
    return Message(
        model_binding_data=Message(
            version="1.0",
            source="AzureStorageBlobs",
            content_type="application/json",
            content=json.dumps(content).encode(),
        )
    )


def http_request(method: str, params: dict[str, str], query: dict[str, str]) -> Message:
    """What an HTTP trigger hands over."""
    url = "http://127.0.0.1:7071/api/analyse"
    body = Message(bytes=b"")
    return Message(http=Message(method=method, url=url, headers={}, params=params, query=query, body=body))
