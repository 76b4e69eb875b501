"""A pool child's side of the socket: one request after the other, until the pool hangs up."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from service.errors import AnalysisError
from service.sandbox.protocol import LineClosed, error_fields, out_of_memory, receive, send

Answer = tuple[dict[str, Any], bytes]
"""Fields and bytes."""

Act = Callable[..., Answer]
"""Called with a request's bytes, and its fields by name. Raises AnalysisError where the picture is to blame."""

Blame = Callable[[Exception], AnalysisError | None]
"""Translates a library's error into one of `service.errors`; None where it is a fault."""


def serve(acts: Mapping[str, Act], blame: Blame = lambda error: None) -> None:
    """Do what each request's `do` names until the pool hangs up; an unforeseen error ends the process."""
    with socket.socket(fileno=os.dup(0)) as line:
        while True:
            try:
                request, body = receive(line)
                send(line, *_answered(acts[request.pop("do")], blame, request, body))
            except LineClosed:
                return


def _answered(act: Act, blame: Blame, request: dict[str, Any], body: bytes) -> Answer:
    try:
        return _done(act, blame, request, body)
    except AnalysisError as error:
        return error_fields(error), b""
    except MemoryError:
        return out_of_memory(), b""


def _done(act: Act, blame: Blame, request: dict[str, Any], body: bytes) -> Answer:
    try:
        return act(body, **request)
    except Exception as error:
        translated = blame(error)
        if translated is None:
            raise
        raise translated from error
