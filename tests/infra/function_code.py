"""The function app's modules, which find one another as the Functions host has them: in one folder on the path."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from infra.steps import REPOSITORY

FUNCTION_APP = REPOSITORY / "cloud_function"


def function_module(name: str) -> ModuleType:
    """One of them, imported."""
    sys.path.insert(0, str(FUNCTION_APP))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FUNCTION_APP))
