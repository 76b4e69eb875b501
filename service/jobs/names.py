"""Names of containers and blobs come from outside: what may be asked for at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast, get_args

from service.errors import BadRequest
from service.jobs.job import MediaType
from service.jobs.result_place import OWN_FOLDER, is_result

_CONTAINER = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){2,62}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
LONGEST_BLOB = 1024


def check_container(name: str, results_container: str) -> str:
    """The name, if it can be an upload's container. Raises BadRequest."""
    if not _CONTAINER.fullmatch(name):
        raise BadRequest(
            f"{name[:80]!r} cannot be a container: 3 to 63 of a-z, 0-9 and single hyphens", "bad_container"
        )
    if is_result(name, "", results_container):
        raise BadRequest(f"{name!r} holds results; name the container of an upload", "bad_container")
    return name


def check_blob(name: str) -> str:
    """The name, if it can be an upload and cannot mean another file. Raises BadRequest."""
    if not 1 <= len(name) <= LONGEST_BLOB:
        raise BadRequest(f"a blob name has 1 to {LONGEST_BLOB} characters, this one {len(name)}", "bad_blob")
    if _CONTROL.search(name) or "\\" in name:
        raise BadRequest("a blob name has no control characters and no backslashes here", "bad_blob")
    if {".", "..", ""} & set(name.split("/")):
        raise BadRequest("a blob name has no empty, '.' or '..' segments here", "bad_blob")
    if name.startswith(OWN_FOLDER):
        raise BadRequest(f"{OWN_FOLDER!r} holds results; name an upload", "bad_blob")
    return name


def media_type_of(blob: str, metadata: Mapping[str, str], default: MediaType) -> MediaType:
    """How an upload was taken: the uploader's word in its metadata, else its nearest such folder, else `default`."""
    # Storage keeps the case in which the uploader wrote a metadata name.
    told = {name.lower(): value.strip().lower() for name, value in metadata.items()}
    for word in (told.get("media_type", ""), *reversed(blob.lower().split("/")[:-1])):
        if word in get_args(MediaType):
            return cast(MediaType, word)
    return default
