"""A child's side of the line: one question after the other, until the other side hangs up."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from service.errors import AnalysisError
from service.sandbox.protocol import LineClosed, receive, send

Answer = tuple[dict[str, Any], bytes]
"""Words and bytes."""

Act = Callable[..., Answer]
"""Given a question's bytes, and its words by name. Raises AnalysisError where the picture is to blame."""

Blame = Callable[[Exception], AnalysisError | None]
"""Our error for one of a library's; None where it is a fault."""

ERROR = "error"


def serve(acts: Mapping[str, Act], blame: Blame = lambda error: None) -> None:
    """Do what each question's `do` says, until the pool goes. An error that nobody foresaw ends the process."""
    line = socket.socket(fileno=os.dup(0))
    while True:
        try:
            question, body = receive(line)
            send(line, *_answered(acts[question.pop("do")], blame, question, body))
        except LineClosed:
            return


def _answered(act: Act, blame: Blame, question: dict[str, Any], body: bytes) -> Answer:
    try:
        return _done(act, blame, question, body)
    except AnalysisError as error:
        return {ERROR: type(error).__name__, "message": error.message}, b""
    except MemoryError:
        return {ERROR: "MediaTooLarge", "message": "it needs more memory than decoders may take"}, b""


def _done(act: Act, blame: Blame, question: dict[str, Any], body: bytes) -> Answer:
    try:
        return act(body, **question)
    except Exception as error:
        ours = blame(error)
        if ours is None:
            raise
        raise ours from error
