"""A child's side of the line: one question after the other, until the other side hangs up."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from service.children.frames import LineClosed, receive, send
from service.errors import AnalysisError

Answer = Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]
"""A question and its bytes to an answer and its bytes. Raises AnalysisError where the picture is to blame."""

ERROR = "error"


def serve(answer: Answer) -> None:
    """Answer until the pool goes. An error that `answer` does not raise on purpose ends the process."""
    line = socket.socket(fileno=os.dup(0))
    while True:
        try:
            question, body = receive(line)
            send(line, *_answered(answer, question, body))
        except LineClosed:
            return


def _answered(answer: Answer, question: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        return answer(question, body)
    except AnalysisError as error:
        return {ERROR: type(error).__name__, "message": error.message}, b""
    except MemoryError:
        return {ERROR: "MediaTooLarge", "message": "it needs more memory than decoders may take"}, b""
