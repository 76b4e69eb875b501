"""Link the face tracks of a video to people, also across cuts, by position and embedding.

A `face_id` is a slot that the engine reuses, so it is first cut into tracks: stretches in which the face moves
continuously. Some frames of each track are embedded; a change of face within a track cuts it, too. Tracks with near
embeddings are one person, unless both appear in one frame.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from service.identity.vectors import Embedding, exact

LONGEST_GAP = 5
"""Frames for which a face may be lost and still be the same track."""
LEAST_OVERLAP = 0.2
"""Of two boxes of one track in consecutive frames (intersection over union)."""
LEAST_CONFIDENCE = 0.7
"""Least confidence of a face that is embedded."""


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Place:
    """A face in a frame: one row of a table.

    Attributes:
        row: its number in the table, from 0.
        frame: from 1; of a picture always 1.
        face: the engine's number, `face_id` of a video, `face` of a picture.
    """

    row: int
    frame: int
    face: int
    confidence: float
    box: Box


@dataclass(frozen=True)
class Track:
    """A stretch of frames with one face.

    Attributes:
        places: in order of their frames.
    """

    places: tuple[Place, ...]

    @property
    def face(self) -> int:
        return self.places[0].face

    @property
    def first(self) -> int:
        return self.places[0].frame

    @property
    def last(self) -> int:
        return self.places[-1].frame


@dataclass(frozen=True)
class EmbeddedTrack:
    """A track and its embeddings, in order of their frames; none where no frame was good enough."""

    track: Track
    embeddings: tuple[Embedding, ...]


def tracks(places: Iterable[Place]) -> list[Track]:
    """Cut each face's places where it disappears or jumps; returns tracks in order of their first frames."""
    by_face: dict[int, list[Place]] = {}
    for place in sorted(places, key=lambda place: (place.frame, place.row)):
        by_face.setdefault(place.face, []).append(place)
    found = [Track(tuple(part)) for places_of_face in by_face.values() for part in _cut_where_it_jumps(places_of_face)]
    return sorted(found, key=lambda track: (track.first, track.face))


def samples(track: Track, every: int, shots: Sequence[int] = ()) -> list[Place]:
    """Choose the place of highest confidence in each `every` frames of each shot, none below LEAST_CONFIDENCE.

    Args:
        shots: frames with which shots begin, ascending.
    """
    best: dict[tuple[int, int], Place] = {}
    for place in track.places:
        shot = bisect_right(shots, place.frame)
        window = (shot, (place.frame - max(track.first, shots[shot - 1] if shot else 0)) // every)
        if place.confidence >= LEAST_CONFIDENCE and (window not in best or place.confidence > best[window].confidence):
            best[window] = place
    return list(best.values())


def cut_where_face_changes(
    track: Track, embedded: Mapping[int, Embedding], threshold: float, shots: Sequence[int] = ()
) -> list[EmbeddedTrack]:
    """Attach embeddings (by row) to a track and cut it between two neighbours that differ.

    It is cut where a shot begins, else halfway. An embedding that differs from both neighbours in its shot, while those
    are alike, is left out: a blur, not a person.
    """
    known = [(place, embedded[place.row]) for place in track.places if place.row in embedded]
    steady = [
        (place, embedding)
        for number, (place, embedding) in enumerate(known)
        if not (_is_within_shot(known, number, shots) and _sticks_out([other for _, other in known], number, threshold))
    ]
    ends = [
        _end_between(before.frame, after.frame, shots)
        for (before, one), (after, other) in pairwise(steady)
        if exact(one, other) >= threshold
    ]
    parts = []
    for low, high in pairwise([track.first - 1, *ends, track.last]):
        places = tuple(place for place in track.places if low < place.frame <= high)
        if places:
            embeddings = tuple(embedding for place, embedding in steady if low < place.frame <= high)
            parts.append(EmbeddedTrack(Track(places), embeddings))
    return parts


def people(found: Sequence[EmbeddedTrack], threshold: float) -> list[list[int]]:
    """Group tracks by person; returns groups of their numbers, in the order in which the people first appear.

    The two nearest groups are joined, by the means of their embeddings, until none are nearer than the threshold;
    two that share a frame are never joined. Tracks without embeddings belong to no group.
    """
    groups = [[number] for number, one in enumerate(found) if one.embeddings]
    means = [mean_embedding([found[number] for number in group]) for group in groups]
    frames = [{place.frame for number in group for place in found[number].track.places} for group in groups]
    while (pair := _nearest_pair(means, frames, threshold)) is not None:
        keep, gone = pair
        groups[keep] += groups.pop(gone)
        frames[keep] |= frames.pop(gone)
        means.pop(gone)
        means[keep] = mean_embedding([found[number] for number in groups[keep]])
    return sorted((sorted(group) for group in groups), key=lambda group: min(found[n].track.first for n in group))


def mean_embedding(parts: Sequence[EmbeddedTrack]) -> Embedding:
    """Mean of all embeddings of some tracks."""
    return np.asarray(np.mean([each for part in parts for each in part.embeddings], axis=0), np.float32)


def _cut_where_it_jumps(places: list[Place]) -> list[list[Place]]:
    parts = [[places[0]]]
    for before, after in pairwise(places):
        if after.frame - before.frame > LONGEST_GAP or _overlap(before.box, after.box) < LEAST_OVERLAP:
            parts.append([])
        parts[-1].append(after)
    return parts


def _overlap(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def _is_within_shot(known: Sequence[tuple[Place, Embedding]], number: int, shots: Sequence[int]) -> bool:
    """Return whether the looks before and after one are in its shot."""
    first, last = known[max(0, number - 1)][0].frame, known[min(len(known) - 1, number + 1)][0].frame
    return bisect_right(shots, first) == bisect_right(shots, last)


def _end_between(before: int, after: int, shots: Sequence[int]) -> int:
    """Return the last frame of the face that was there before."""
    place = bisect_right(shots, before)
    return shots[place] - 1 if place < len(shots) and shots[place] <= after else (before + after) // 2


def _sticks_out(embeddings: list[Embedding], number: int, threshold: float) -> bool:
    if not 0 < number < len(embeddings) - 1:
        return False
    before, this, after = embeddings[number - 1 : number + 2]
    return exact(before, after) < threshold <= min(exact(before, this), exact(this, after))


def _nearest_pair(means: list[Embedding], frames: list[set[int]], threshold: float) -> tuple[int, int] | None:
    """The two nearest groups below the threshold that share no frame."""
    best: tuple[int, int] | None = None
    least = threshold
    for one in range(len(means)):
        for other in range(one + 1, len(means)):
            apart = exact(means[one], means[other])
            if apart < least and frames[one].isdisjoint(frames[other]):
                best, least = (one, other), apart
    return best
