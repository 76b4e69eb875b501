"""The W3C `traceparent` of an invocation, passed on to everything that it calls.

Separate because the host may give none, or one that is not well-formed.
"""

import re
import secrets

import azure.functions as func

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent_of(context: func.Context) -> str:
    """The host's traceparent, or a new one."""
    given = str(context.trace_context.trace_parent or "") if context.trace_context else ""
    if _TRACEPARENT.fullmatch(given):
        return given
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_id_of(traceparent: str) -> str:
    """The id that all lines of one trace share, for logs."""
    return traceparent.split("-")[1]
