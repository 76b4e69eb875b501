"""Names of containers and blobs: which are valid for uploads, and which belong to results."""

from __future__ import annotations

import re

from service.errors import BadRequest

OWN_CONTAINER = "{container}"
"""Value of the results container that keeps results beside the upload."""

OWN_FOLDER = "_results/"
"""Prefix of results that are kept beside the upload."""

LONGEST_BLOB = 1024

_CONTAINER = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){2,62}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_ARTEFACT = re.compile(r"/[0-9a-f]{32}/[0-9a-f]{12}/[^/]+$")
"""The end of an artefact's name, as `ResultPlace` forms it: job id, attempt id, file."""
_DIGEST_FOLDER = re.compile(r"^[0-9a-f]{64}/(?=.)")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def is_container_name(name: str) -> bool:
    """Return whether storage allows a container of this name."""
    return bool(_CONTAINER.fullmatch(name))


def check_container(name: str, results_container: str) -> str:
    """Return the name, if it can be an upload's container. Raises BadRequest."""
    if not is_container_name(name):
        raise BadRequest(
            f"{name[:80]!r} cannot be a container: 3 to 63 of a-z, 0-9 and single hyphens", "bad_container"
        )
    if is_result(name, "", results_container):
        raise BadRequest(f"{name!r} holds results; name the container of an upload", "bad_container")
    return name


def check_blob(name: str) -> str:
    """Return the name, if it can be an upload and cannot mean another file. Raises BadRequest."""
    if not 1 <= len(name) <= LONGEST_BLOB:
        raise BadRequest(f"a blob name has 1 to {LONGEST_BLOB} characters, this one {len(name)}", "bad_blob")
    if _CONTROL.search(name) or "\\" in name:
        raise BadRequest("a blob name has no control characters and no backslashes here", "bad_blob")
    if _SURROGATE.search(name):
        raise BadRequest("a blob name is valid Unicode, without half a surrogate pair", "bad_blob")
    if {".", "..", ""} & set(name.split("/")):
        raise BadRequest("a blob name has no empty, '.' or '..' segments here", "bad_blob")
    if name.startswith(OWN_FOLDER):
        raise BadRequest(f"{OWN_FOLDER!r} holds results; name an upload", "bad_blob")
    return name


def is_upload(container: str, blob: str, results_container: str) -> bool:
    """Return whether a blob that exists can be an upload: no result, and with a name that `check_blob` takes."""
    try:
        check_blob(blob)
    except BadRequest:
        return False
    return not is_result(container, blob, results_container)


def file_name(blob: str) -> str:
    """Return an upload's name for people: without the folder that is named by its SHA-256."""
    return _DIGEST_FOLDER.sub("", blob)


def is_result(container: str, blob: str, results_container: str) -> bool:
    """Return whether a blob lies where results are kept, and so is never media to be analysed.

    Names of artefacts are recognised in every container: they may be another deployment's, or of an earlier setting.
    """
    return container == results_container or blob.startswith(OWN_FOLDER) or bool(_ARTEFACT.search(blob))
