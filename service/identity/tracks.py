"""Which tracks of faces in a video are one person's, also across cuts. Pure: places and embeddings in, people out.

A `face_id` is a slot that the engine uses again, so it is first cut into tracks: stretches in which the face stays
where it was. Each track is looked at now and then (embeddings); a change of face within a track cuts it, too. Tracks
whose faces are near are one person's, unless both are seen in one frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from service.identity.vectors import Embedding, exact

LONGEST_GAP = 5
"""Frames for which a face may be lost and still be the same track."""
LEAST_OVERLAP = 0.2
"""Of two boxes of one track in frames that follow each other (intersection over union)."""
LEAST_CONFIDENCE = 0.7
"""Of a face that is worth an embedding."""


class Box(NamedTuple):
    """In pixels."""

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
    """A stretch of one face.

    Attributes:
        places: in the order of their frames.
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
    """A track and its embeddings, in the order of their frames; none where the face was never clear enough."""

    track: Track
    embeddings: tuple[Embedding, ...]


def tracks(places: Iterable[Place]) -> list[Track]:
    """Cut each face's places where it is gone for long or jumps; in the order of their first frames."""
    by_face: dict[int, list[Place]] = {}
    for place in sorted(places, key=lambda place: (place.frame, place.row)):
        by_face.setdefault(place.face, []).append(place)
    found = [Track(tuple(part)) for own in by_face.values() for part in _cut_where_it_jumps(own)]
    return sorted(found, key=lambda track: (track.first, track.face))


def samples(track: Track, every: int) -> list[Place]:
    """The surest place of each `every` frames of a track; none of those that are not sure enough."""
    best: dict[int, Place] = {}
    for place in track.places:
        window = (place.frame - track.first) // every
        if place.confidence >= LEAST_CONFIDENCE and (window not in best or place.confidence > best[window].confidence):
            best[window] = place
    return list(best.values())


def seen(track: Track, embedded: Mapping[int, Embedding], threshold: float) -> list[EmbeddedTrack]:
    """A track with its embeddings (by row), cut where the face changes: halfway between two that differ.

    One that differs from both its neighbours, while those are alike, is left out: a blur, not a person.
    """
    known = [(place, embedded[place.row]) for place in track.places if place.row in embedded]
    steady = [
        (place, own)
        for number, (place, own) in enumerate(known)
        if not _sticks_out([other for _, other in known], number, threshold)
    ]
    ends = [
        (before.frame + after.frame) // 2
        for (before, one), (after, other) in pairwise(steady)
        if exact(one, other) >= threshold
    ]
    parts = []
    for low, high in pairwise([track.first - 1, *ends, track.last]):
        places = tuple(place for place in track.places if low < place.frame <= high)
        if places:
            own = tuple(embedding for place, embedding in steady if low < place.frame <= high)
            parts.append(EmbeddedTrack(Track(places), own))
    return parts


def people(found: Sequence[EmbeddedTrack], threshold: float) -> list[list[int]]:
    """Which of these are one person's: groups of their numbers, in the order in which the people first appear.

    The two nearest groups are joined, by the middles of their embeddings, until none are nearer than the threshold;
    two that share a frame are never joined. Those without embeddings are nobody's.
    """
    groups = [[number] for number, one in enumerate(found) if one.embeddings]
    middles = [middle([found[number] for number in group]) for group in groups]
    frames = [{place.frame for number in group for place in found[number].track.places} for group in groups]
    while (pair := _nearest_pair(middles, frames, threshold)) is not None:
        keep, gone = pair
        groups[keep] += groups.pop(gone)
        frames[keep] |= frames.pop(gone)
        middles.pop(gone)
        middles[keep] = middle([found[number] for number in groups[keep]])
    return sorted((sorted(group) for group in groups), key=lambda group: min(found[n].track.first for n in group))


def middle(parts: Sequence[EmbeddedTrack]) -> Embedding:
    """The mean of all their embeddings."""
    return np.asarray(np.mean([each for part in parts for each in part.embeddings], axis=0), np.float32)


def _cut_where_it_jumps(own: list[Place]) -> list[list[Place]]:
    parts = [[own[0]]]
    for before, after in pairwise(own):
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


def _sticks_out(embeddings: list[Embedding], number: int, threshold: float) -> bool:
    if not 0 < number < len(embeddings) - 1:
        return False
    before, own, after = embeddings[number - 1 : number + 2]
    return exact(before, after) < threshold <= min(exact(before, own), exact(own, after))


def _nearest_pair(middles: list[Embedding], frames: list[set[int]], threshold: float) -> tuple[int, int] | None:
    """The two groups that are nearest, and near enough, and never seen together."""
    best: tuple[int, int] | None = None
    least = threshold
    for one in range(len(middles)):
        for other in range(one + 1, len(middles)):
            apart = exact(middles[one], middles[other])
            if apart < least and frames[one].isdisjoint(frames[other]):
                best, least = (one, other), apart
    return best
