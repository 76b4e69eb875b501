"""Fetch the pictures of a sequence, as they were when it was submitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from service.errors import MediaChanged, MediaNotFound, MediaTooLarge
from service.jobs.job import AnalysisJob
from service.jobs.result_place import ResultPlace
from service.jobs.sequence import Member, frozen, sha256_of_sequence
from service.results.manifest import MediaFacts
from service.sandbox.sequences import frame_name
from service.storage.blob_store import Blobs
from service.storage.local_files import sha256_of
from service.worker.attempt_context import WatchStep
from service.worker.limits import MIB


def fetch_sequence(
    source: Blobs,
    results: Blobs,
    place: ResultPlace,
    job: AnalysisJob,
    folder: Path,
    most_bytes: int,
    watch: WatchStep,
) -> MediaFacts:
    """Download all members into a new folder, named by their numbers.

    Args:
        place: of the job's first generation.
        most_bytes: of all members together.

    Raises:
        MediaChanged: a member was overwritten or deleted.
        MediaNotFound: the list was deleted.
        MediaTooLarge: they have more bytes.
    """
    members = frozen(results, place, job)
    folder.mkdir()
    done, hashes = 0, []
    for number, member in enumerate(members, 1):
        path = folder / frame_name(number)

        def on_bytes(part: int, total: int, done: int = done, number: int = number) -> None:
            if done + total > most_bytes:
                raise MediaTooLarge(f"the pictures have more than {most_bytes // MIB:,} MiB together")
            watch((number - 1 + part / max(total, 1)) / len(members))

        done += _download(source, job, member, path, on_bytes)
        hashes.append((member.name, sha256_of(path)))
    return MediaFacts(
        bytes=done,
        sha256=sha256_of_sequence(hashes),
        etag=job.etag,
        files=tuple(member.name for member in members),
    )


def _download(source: Blobs, job: AnalysisJob, member: Member, path: Path, on_bytes: Callable[[int, int], None]) -> int:
    """Download one member and return its size. Raises MediaChanged where it was overwritten or deleted."""
    name = f"{job.blob}/{member.name}"
    try:
        return source.download(job.container, name, member.etag, path, on_bytes).size
    except MediaNotFound as error:
        raise MediaChanged(f"{name!r} of the sequence was deleted") from error
