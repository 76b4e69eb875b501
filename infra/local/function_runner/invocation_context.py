"""The context of a call, as the Functions worker gives it to a function.

Separate because its shape is Azure's: it changes when Azure's does.
"""

import itertools
import secrets
import threading
import uuid
from typing import Any

import azure.functions as func

# The host samples traces, and passes the trace on whether or not it records it: here every second one.
_FLAGS = itertools.cycle(("00", "01"))


class LocalTrace:
    """A new trace that begins with this call."""

    def __init__(self) -> None:
        self._parent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{next(_FLAGS)}"

    @property
    def trace_parent(self) -> str:
        """W3C traceparent, sampled or not."""
        return self._parent

    @property
    def trace_state(self) -> str:
        """W3C tracestate: none."""
        return ""

    @property
    def attributes(self) -> dict[str, str]:
        """Nothing beside the trace."""
        return {}


class LocalContext(func.Context):
    """The context of one call."""

    def __init__(self, function_name: str) -> None:
        self._function_name = function_name
        self._invocation_id = str(uuid.uuid4())
        self._trace = LocalTrace()

    @property
    def invocation_id(self) -> str:
        """A new id for each call."""
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        """Empty."""
        return threading.local()

    @property
    def function_name(self) -> str:
        """The function that is called."""
        return self._function_name

    @property
    def function_directory(self) -> str:
        """Empty: no function of this app reads files beside its code."""
        return ""

    @property
    def trace_context(self) -> Any:
        """The trace that begins with this call."""
        return self._trace

    @property
    def retry_context(self) -> Any:
        """None: the runner delivers the event again, not a retry policy."""
        return None
