"""One HTTP call within a deadline: no retries and no redirects, and a body of bounded size.

Separate because `requests` limits the wait for each piece of an answer, not for the whole of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import requests

from deadline import Deadline

CONNECT_LIMIT_S = 3.0
LARGEST_ANSWER_BYTES = 16 << 20
_PIECE_BYTES = 64 << 10


class CallFailed(Exception):
    """No whole answer came within the deadline."""


@dataclass(frozen=True)
class HttpAnswer:
    """Status, headers and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    method: str,
    url: str,
    deadline: Deadline,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    data: bytes | None = None,
) -> HttpAnswer:
    """Send one request and read the answer. Raises CallFailed, OutOfTime."""
    left_s = deadline.left_s()
    try:
        with requests.request(
            method,
            url,
            params=params,
            data=data,
            headers=dict(headers),
            timeout=(min(CONNECT_LIMIT_S, left_s), left_s),
            # A redirect turns a POST into a GET, and would carry keys and signed links elsewhere.
            allow_redirects=False,
            stream=True,
        ) as response:
            body = b"".join(_pieces(response, deadline))
            return HttpAnswer(response.status_code, response.headers, body)
    except (requests.RequestException, OSError) as error:
        # The error's own text has the whole address; the name of its type holds no secret.
        raise CallFailed(type(error).__name__) from error


def _pieces(response: requests.Response, deadline: Deadline) -> Iterator[bytes]:
    length = 0
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
        length += len(piece)
        if length > LARGEST_ANSWER_BYTES:
            raise CallFailed(f"the answer has more than {LARGEST_ANSWER_BYTES} bytes")
        yield piece
        left_s = deadline.left_s()
        connection = getattr(response.raw, "connection", None)
        if connection is not None and connection.sock is not None:
            # Otherwise the next piece may again take the whole limit of the call.
            connection.sock.settimeout(left_s)
