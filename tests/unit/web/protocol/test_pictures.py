"""Base64 of pictures is decoded in every form that clients send; everything else is refused."""

from __future__ import annotations

import base64
import textwrap
from urllib.parse import quote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest
from service.web.protocol.pictures import decode_base64

DATA = st.binary(max_size=400)
DATA_URL = st.sampled_from(["", "data:image/png;base64,", "DATA:image/jpeg;base64,", "Data:;base64,"])


@given(
    data=DATA,
    prefix=DATA_URL,
    line_break=st.sampled_from(["", "\n", "\r\n", "\n\t", " ", "\r\n  "]),
    width=st.integers(1, 100),
    is_url_safe=st.booleans(),
    is_padded=st.booleans(),
)
def test_every_common_form_decodes_to_the_same_bytes(
    data: bytes, prefix: str, line_break: str, width: int, is_url_safe: bool, is_padded: bool
) -> None:
    text = (base64.urlsafe_b64encode if is_url_safe else base64.b64encode)(data).decode()
    if not is_padded:
        text = text.rstrip("=")
    if line_break:
        text = line_break.join(textwrap.wrap(text, width))
    assert decode_base64(prefix + text) == data


@given(data=DATA)
def test_blanks_of_a_urlencoded_form_are_plus_signs(data: bytes) -> None:
    sent_unescaped = unquote_plus(base64.b64encode(data).decode())
    assert decode_base64(sent_unescaped, from_form=True) == data


@given(data=DATA)
def test_a_percent_encoded_data_url_is_decoded(data: bytes) -> None:
    assert decode_base64("data:image/png;base64," + quote(base64.b64encode(data).decode(), safe="")) == data


@given(text=st.text(max_size=60))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        data = decode_base64(text)
    except BadRequest:
        return
    assert isinstance(data, bytes)


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA=A", "AAAA!", "AAA\N{MULTIPLICATION SIGN}", "<svg/>", "data:,a b!"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="not base64"):
        decode_base64(text)
