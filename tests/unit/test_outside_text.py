"""Whatever text comes from outside is understood or refused by a documented error, never by another one.

Queue messages: `jobs/test_job.py`. Pictures in JSON and forms: `web/protocol/test_pictures.py`.
"""

from __future__ import annotations

import base64
import io
import json
from contextlib import suppress
from typing import Any

from flask import Flask, request
from hypothesis import example, given
from hypothesis import strategies as st

from service.errors import AnalysisError, BadRequest
from service.jobs.job import stem_of
from service.jobs.job_table import _decode_cursor, _encode_cursor
from service.jobs.names import check_blob, check_container
from service.jobs.options import JobOptions
from service.jobs.record import now
from service.jobs.table_rows import row_of
from service.results.manifest_reader import ManifestReader
from service.web.access.keys import SCOPES, BadKeys, new_key, parse_entry, parse_lines
from service.web.protocol.pictures import decode_base64

TEXT = st.text(max_size=80)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PARTS = ("job", "attempt", "media", "engine", "frames", "csv", "completeness", "probe")
FIELDS = ("media", "probe", "columns", "frame_rate", "width", "height", "preparation", "verdict", "citations", "sha256")


@given(TEXT | st.lists(st.sampled_from(["..", ".", "", "a", "_results", "\\", "\x00", "é"]), max_size=6).map("/".join))
def test_a_blob_s_name_means_one_file_or_is_refused(name: str) -> None:
    try:
        checked = check_blob(name)
    except BadRequest:
        return
    assert checked == name
    assert not {"", ".", ".."} & set(name.split("/"))
    assert "\\" not in name
    assert all(char.isprintable() or ord(char) > 0x9F for char in name)
    assert "/" not in stem_of(name)
    name.encode("utf-8")


@given(TEXT | st.from_regex(r"[$a-z0-9-]{0,70}", fullmatch=True))
@example("$web")
@example("results")
def test_a_container_s_name_is_plain_or_refused(name: str) -> None:
    try:
        checked = check_container(name, "results")
    except BadRequest:
        return
    assert checked.replace("-", "").isalnum()
    assert checked.isascii()
    assert 3 <= len(checked) <= 63
    assert checked != "results"


@given(TEXT | st.binary(max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode()))
@example(base64.urlsafe_b64encode(b"[1]").decode())
@example(base64.urlsafe_b64encode(b'{"after": 5}').decode())
@example(base64.urlsafe_b64encode(b"[" * 3000).decode())
def test_a_cursor_is_one_of_a_list_or_refused(cursor: str) -> None:
    with suppress(BadRequest):
        assert _decode_cursor(cursor) == "" or _decode_cursor(_encode_cursor(_decode_cursor(cursor)))


def test_a_list_s_own_cursor_is_taken() -> None:
    row = row_of(now(), "a" * 32)
    assert _decode_cursor(_encode_cursor(row)) == row


@given(
    st.sampled_from(["image", "video"]),
    st.sampled_from(["posed", "wild"]),
    st.dictionaries(st.sampled_from(["au", "faces", "overlay", "engine", "gallery"]) | TEXT, TEXT, max_size=4),
)
def test_options_are_known_or_refused(media: Any, media_type: Any, given_options: dict[str, str]) -> None:
    with suppress(BadRequest):
        options = JobOptions.resolve(media, media_type, given_options, engines=["other"])
        assert json.loads(json.dumps(options.as_dict())) == options.as_dict()


@given(st.text(max_size=200) | st.text("abc:+#, \n0123456789abcdef", max_size=200))
def test_a_keys_file_has_entries_or_is_refused_without_quoting_it(text: str) -> None:
    secret = "mak_entered-by-mistake"
    for lines in (text.splitlines(), [f"{text} {secret}"]):
        try:
            keys = parse_lines(lines)
        except BadKeys as error:
            assert secret not in str(error)
            continue
        assert all(parse_entry(key.entry) == key for key in keys)


@given(st.sets(st.sampled_from(SCOPES), min_size=1), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True))
def test_an_entry_is_read_as_it_was_written(scopes: set[Any], name: str) -> None:
    _, key = new_key(name, scopes)
    assert parse_entry(key.entry) == key


@given(st.dictionaries(st.sampled_from(PARTS), st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES) | JSON_VALUES))
@example({"csv": {"columns": "many"}, "media": {"probe": {"width": "x", "height": []}, "preparation": 5}})
@example({"media": {"probe": {"width": float("nan"), "height": float("inf"), "frame_rate": "fast"}}})
def test_a_manifest_of_any_content_is_read(manifest: dict[str, Any]) -> None:
    reader = ManifestReader(manifest)
    assert reader.media in ("image", "video")
    assert reader.verdict in ("complete", "partial", "unknown")
    assert isinstance(reader.columns, int)
    assert reader.frame_rate is None or float(reader.frame_rate)
    assert reader.size is None or min(reader.size) > 0
    assert all(isinstance(step, str) for step in reader.preparation)
    assert isinstance(reader.citations, list)
    assert reader.same_table("0" * 64) in (True, False, None)
    assert reader.reason is None or isinstance(reader.reason, str)


@given(st.binary(max_size=300), st.sampled_from(["b", "b b", '"', "", "é"]))
@example(b"--b\r\nContent-Disposition: form-data; name=image; filename=..\r\n\r\nx\r\n--b--", "b")
def test_a_multipart_body_is_parsed_or_refused(body: bytes, boundary: str) -> None:
    app = Flask(__name__)
    kind = f"multipart/form-data; boundary={boundary}"
    with app.test_request_context("/", method="POST", input_stream=io.BytesIO(body), content_type=kind):
        request.environ["CONTENT_LENGTH"] = str(len(body))
        files = list(request.files.values())
        for text in request.form.values():
            with suppress(AnalysisError):
                decode_base64(text)
        assert all(isinstance(file.read(), bytes) for file in files)
