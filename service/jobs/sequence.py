"""A folder of pictures as one media item: its members, its ETag, and the list that freezes both.

The ETag is the SHA-256 over the sorted pairs of member name and ETag, so that a changed member makes another item. The
list is kept beside the job's results: a worker measures the members of the submission, whatever was added since.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from service.errors import BlobExists, MediaNotFound, MediaTooLarge, NotFound, UnreadableMedia
from service.jobs.job import AnalysisJob
from service.jobs.media_kind import MediaType, kind_of
from service.jobs.names import is_upload
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from service.storage.blob_store import BlobInfo, Blobs

MOST_MEMBERS = 20_000
LIST = "members.json"
"""Name of the list in the folder of the first generation's results."""
METADATA, MEMBER = "media", "sequence"
"""Metadata of pictures that are members of a sequence only: uploading them starts no job."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Member:
    """One picture: its name below the prefix, and its ETag."""

    name: str
    etag: str


_MEMBERS = TypeAdapter(list[Member])


def is_member_only(metadata: Mapping[str, str]) -> bool:
    """Return whether an upload's metadata makes it a member of a sequence, and nothing by itself."""
    # Storage keeps the case in which the uploader wrote a metadata name.
    return any(name.lower() == METADATA and value.strip().lower() == MEMBER for name, value in metadata.items())


def etag_of(members: Sequence[Member]) -> str:
    """Return the sequence's ETag: SHA-256 over the sorted lines `<name> NUL <ETag> LF`, in hex."""
    digest = hashlib.sha256()
    for name, etag in sorted((member.name, member.etag) for member in members):
        digest.update(f"{name}\0{etag}\n".encode())
    return digest.hexdigest()


def sha256_of_sequence(hashes: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 over the lines `<SHA-256>  <name>` in the order of the names."""
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def in_order(members: Sequence[Member]) -> list[Member]:
    """Sort as people number their files: `2.jpg` before `10.jpg`."""
    return sorted(members, key=lambda member: (_numbered(member.name), member.name))


Keep = Callable[[BlobInfo], bool]


def _keep_all(_: BlobInfo) -> bool:
    return True


def members_of(
    blobs: Blobs, container: str, prefix: str, results_container: str, keep: Keep = _keep_all
) -> list[Member]:
    """List the pictures that lie directly below a prefix.

    Args:
        keep: whether a picture may be a member; it has its metadata.

    Raises:
        NotFound: there is none.
        MediaTooLarge: there are too many.
    """
    found: list[Member] = []
    cursor = ""
    while True:
        page = blobs.page(container, cursor, f"{prefix}/", with_metadata=keep is not _keep_all)
        for blob in page.blobs:
            name = blob.name[len(prefix) + 1 :]
            if _is_member(container, blob, name, results_container) and keep(blob):
                found.append(Member(name, blob.etag))
        if len(found) > MOST_MEMBERS:
            raise MediaTooLarge(f"{prefix!r} has more than {MOST_MEMBERS:,} pictures")
        if not page.cursor:
            break
        cursor = page.cursor
    if not found:
        raise NotFound(f"there are no pictures directly below {prefix!r}", "no_media")
    return found


def frozen_job(
    blobs: Blobs,
    results_container: str,
    container: str,
    prefix: str,
    media_type: MediaType,
    options: JobOptions,
    keep: Keep = _keep_all,
) -> AnalysisJob:
    """Make the job of a prefix as it is now, and keep its list.

    Args:
        keep: see `members_of`.

    Raises:
        NotFound, MediaTooLarge: see `members_of`.
    """
    members = members_of(blobs, container, prefix, results_container, keep)
    job = AnalysisJob(container, prefix, etag_of(members), "sequence", media_type, options)
    freeze(blobs, ResultPlace.of(job, results_container), members)
    return job


def freeze(results: Blobs, place: ResultPlace, members: Sequence[Member], *, replacing: bool = False) -> None:
    """Keep the list, unless it is there; `replacing` one of a folder, whose place is that of all its versions."""
    text = json.dumps([{"name": member.name, "etag": member.etag} for member in members])
    with suppress(BlobExists):
        results.upload(
            place.container,
            _list_in(place),
            text.encode(),
            content_type="application/json",
            create_only=not replacing,
        )


def frozen(results: Blobs, place: ResultPlace, job: AnalysisJob) -> list[Member]:
    """Return the members of a job in the order of the frames.

    Args:
        place: of the job's first generation.

    Raises:
        MediaNotFound: the list was deleted.
        UnreadableMedia: it is another one.
    """
    try:
        members = _MEMBERS.validate_json(results.read(place.container, _list_in(place)))
    except MediaNotFound as error:
        raise MediaNotFound("the list of the sequence's pictures was deleted; submit it again") from error
    except ValidationError as error:
        raise UnreadableMedia("the list of the sequence's pictures cannot be read") from error
    if etag_of(members) != job.etag:
        raise UnreadableMedia("the list of the sequence's pictures does not belong to this job")
    return in_order(members)


def _list_in(place: ResultPlace) -> str:
    return f"{place.folder}{LIST}"


def _is_member(container: str, blob: BlobInfo, name: str, results_container: str) -> bool:
    if "/" in name or kind_of(blob.name, blob.content_type) != "image":
        return False
    return is_upload(container, blob.name, results_container)


def _numbered(name: str) -> list[tuple[int, int, str]]:
    """Split a name so that numbers compare as numbers."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(name)]
