"""Find the functions of a function app through the public azure-functions library, as the host does.

Separate because only this file knows what the library's objects look like.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.function_runner.invocation_context import LocalContext

EVENT_GRID, BLOB, HTTP = "eventGridTrigger", "blobTrigger", "httpTrigger"


class UnknownTrigger(Exception):
    """The app has a trigger of a kind that this runner does not serve."""


@dataclass(frozen=True)
class HostedFunction:
    """One function with its trigger, ready to be called."""

    name: str
    kind: str
    trigger: Mapping[str, Any]
    code: Callable[..., Any]

    def call(self, trigger_value: object) -> Any:
        """Call with the value of its trigger, and the context where it wants one. Its errors pass."""
        arguments: dict[str, object] = {str(self.trigger["name"]): trigger_value}
        if "context" in inspect.signature(self.code).parameters:
            arguments["context"] = LocalContext(self.name)
        return self.code(**arguments)


def load_functions(folder: Path) -> list[HostedFunction]:
    """Import `function_app.py` of `folder` as the host does: its folder first on the import path."""
    sys.path.insert(0, str(folder))
    app = importlib.import_module("function_app").app
    return [_hosted(function) for function in app.get_functions()]


def _hosted(function: Any) -> HostedFunction:
    trigger = function.get_trigger().get_dict_repr()
    name = str(function.get_function_name())
    if trigger["type"] not in (EVENT_GRID, BLOB, HTTP):
        raise UnknownTrigger(f"{name} has a {trigger['type']}")
    return HostedFunction(name, trigger["type"], trigger, function.get_user_function())
