"""Recognise the people in an analysis: embed the faces of its table, link them to people and match in a gallery."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from service.errors import EngineCrashed
from service.identity.erasure import redact_deleted
from service.identity.galleries import Match
from service.identity.rights import Mention, audit, mention
from service.identity.services import IdentityServices
from service.identity.tracks import (
    Box,
    EmbeddedTrack,
    Place,
    cut_where_face_changes,
    mean_embedding,
    people,
    samples,
    tracks,
)
from service.identity.vectors import LENGTH, MODEL, Embedding
from service.jobs.job import AnalysisJob
from service.sandbox.confinement import Access
from service.sandbox.preparation import Prepared
from service.sandbox.process import ChildLimits
from service.sandbox.python_child import run_module
from service.storage.blob_store import Blobs

SCHEMA = 1
"""Of `people.json`."""
SAMPLE_EVERY_S = 1.0
"""Interval at which a track of a video is embedded."""
MOST_SAMPLES = 600
"""Most embeddings of one video; each takes about a tenth of a second."""
POINTS = 68
FRAMES_A_SECOND = 30.0
"""Frame rate of videos that do not state one."""
MEMORY_BYTES = 4 << 30
ANSWER_BYTES = 64 << 20


class Recogniser:
    """Recognises the people in analyses; safe to use from many threads."""

    def __init__(self, identity: IdentityServices) -> None:
        self._identity = identity

    def people(
        self, job: AnalysisJob, media: Prepared, table: Path, room: Path, watch: Callable[[], None]
    ) -> dict[str, Any]:
        """Make the content of `people.json`: for each face or track the person and the distance.

        Args:
            media: the prepared media that the engine measured.
            table: its CSV.
            room: the job's folder; gets `identity/`.
            watch: called many times a second; may raise to stop.

        Raises:
            EngineCrashed, EngineTimeout, EngineUnavailable: the child.
            StorageUnavailable: the identity database.
        """
        gallery, threshold = job.options.gallery, self._identity.threshold
        rows = list(_places(table))
        every = max(1, round(SAMPLE_EVERY_S * (media.frame_rate or FRAMES_A_SECOND)))
        found = tracks(place for place, _ in rows)
        shots = _shots(media, room, watch) if job.kind == "video" and found else []
        sampled = [place.row for track in found for place in samples(track, every, shots)]
        sampled = sampled[:: math.ceil(len(sampled) / MOST_SAMPLES) or 1]
        landmarks = {place.row: (place.frame, points) for place, points in rows}
        embedded = _embedded(job, media, {row: landmarks[row] for row in sampled}, room, watch)
        parts = [part for track in found for part in cut_where_face_changes(track, embedded, threshold, shots)]
        parts.sort(key=lambda part: (part.track.first, part.track.face))
        matches = self._matches(gallery, parts)
        audit("analyse", gallery, job_id=job.job_id, people=[person["match"] for person in matches["people"]])
        return {"schema": SCHEMA, "media": job.media, "gallery": gallery, "model": MODEL, **matches}

    def remember(self, job: AnalysisJob, people: dict[str, Any], container: str, blob: str) -> None:
        """Record which people a result names, so that their deletion finds it. Raises StorageUnavailable."""
        matched = [person["match"]["person_id"] for person in people["people"] if person["match"]]
        if matched:
            mention(self._identity.store, job.options.gallery, matched, Mention(job.job_id, container, blob))

    def redact_deleted(self, job: AnalysisJob, results: Blobs, container: str, blob: str) -> None:
        """Remove people from a job's published results who were deleted meanwhile. Raises StorageUnavailable."""
        changed = redact_deleted(self._identity.store, results, Mention(job.job_id, container, blob))
        if changed:
            audit("redact", job.options.gallery, job_id=job.job_id, results=changed)

    def _matches(self, gallery: str, parts: list[EmbeddedTrack]) -> dict[str, Any]:
        threshold = self._identity.threshold
        person_of: dict[int, int] = {}
        persons: list[dict[str, Any]] = []
        for number, group in enumerate(people(parts, threshold), 1):
            members = [parts[part] for part in group]
            person_of |= dict.fromkeys(group, number)
            nearest = self._identity.galleries.nearest(gallery, mean_embedding(members), threshold, 1)
            persons.append(
                {
                    "person": number,
                    "first_frame": min(part.track.first for part in members),
                    "last_frame": max(part.track.last for part in members),
                    "looks": sum(len(part.embeddings) for part in members),
                    "match": _match(nearest[0]) if nearest else None,
                }
            )
        linked = [_track(part, person_of.get(number), persons) for number, part in enumerate(parts)]
        return {"threshold": threshold, "people": persons, "tracks": linked}


def _track(part: EmbeddedTrack, person: int | None, persons: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "face_id": part.track.face,
        "first_frame": part.track.first,
        "last_frame": part.track.last,
        "looks": len(part.embeddings),
        "person": person,
        "match": persons[person - 1]["match"] if person else None,
    }


def _match(match: Match) -> dict[str, Any]:
    return {"person_id": match.person_id, "name": match.name, "distance": match.distance}


def _places(table: Path) -> Iterator[tuple[Place, list[list[float]]]]:
    """Yield the rows of a table that show a face, with their 68 landmarks in pixels."""
    with table.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if row.get("success", "1") in {"1", "1.0"} and row.get("x_0"):
                points = [[float(row[f"x_{i}"]), float(row[f"y_{i}"])] for i in range(POINTS)]
                low, high = np.min(points, axis=0), np.max(points, axis=0)
                place = Place(
                    row=number,
                    frame=int(float(row.get("frame", 1))),
                    face=int(float(row.get("face_id") or row.get("face") or 0)),
                    confidence=float(row["confidence"]),
                    box=Box(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
                )
                yield place, points


def _shots(media: Prepared, room: Path, watch: Callable[[], None]) -> list[int]:
    """Find the first frames of a video's shots in a child process. Raises as `_embedded`."""
    folder = room / "shots"
    folder.mkdir()
    answer = folder / "shots.json"
    # As long as decoding takes on a busy machine.
    limits = ChildLimits(60 + 5 * (media.duration_s or 0), MEMORY_BYTES, ANSWER_BYTES)
    video = media.path.resolve()
    access = Access(reads=(video,))
    finished = run_module("service.identity.shots", [str(video), str(answer)], folder, limits, watch, access=access)
    if finished.returncode or not answer.is_file():
        raise EngineCrashed(f"the cuts of the video could not be found:\n{finished.tail(5)}")
    return [int(frame) for frame in json.loads(answer.read_text("utf-8"))]


def _embedded(
    job: AnalysisJob,
    media: Prepared,
    sampled: dict[int, tuple[int, list[list[float]]]],
    room: Path,
    watch: Callable[[], None],
) -> dict[int, Embedding]:
    """Embed faces in a child process; returns embeddings by row, without frames that are missing."""
    if not sampled:
        return {}
    folder = room / "identity"
    folder.mkdir()
    faces = [{"frame": frame, "landmarks": points} for frame, points in sampled.values()]
    plan = {"path": str(media.path.resolve()), "media": job.media, "faces": faces}
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    answer = folder / "embeddings.f32"
    # For decoding to the last sample and embedding all; ample, for a busy machine.
    time_s = 60 + 5 * (media.duration_s or 0) + 2 * len(sampled)
    limits = ChildLimits(time_s, MEMORY_BYTES, ANSWER_BYTES)
    arguments = [str(folder / "plan.json"), str(answer)]
    access = Access(reads=(media.path.resolve(),))
    finished = run_module("service.identity.video_child", arguments, folder, limits, watch, access=access)
    if finished.returncode or not answer.is_file() or answer.stat().st_size != 4 * LENGTH * len(sampled):
        raise EngineCrashed(f"the faces could not be embedded:\n{finished.tail(5)}")
    vectors = np.frombuffer(answer.read_bytes(), "<f4").reshape(-1, LENGTH)
    return {row: vector for row, vector in zip(sampled, vectors, strict=True) if np.isfinite(vector).all()}
