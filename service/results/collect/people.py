"""Assign the matches of a result's `people.json` to the rows of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PERSON = ("person", "match_person_id", "match_name", "match_distance")
NO_TRACK = -1


class PeopleTracks:
    """The tracks of one result; none without a `people.json`."""

    def __init__(self, people: Mapping[str, Any] | None) -> None:
        """Raises KeyError, TypeError for a `people.json` of another form."""
        self._spans: list[tuple[int, int, int]] = []
        self.values: list[dict[str, Any]] = []
        for track in people["tracks"] if people else ():
            match = track["match"] or {}
            if not isinstance(match, Mapping):
                raise TypeError("a match is no object")
            self._spans.append((int(track["face_id"]), int(track["first_frame"]), int(track["last_frame"])))
            matched = {name: match.get(name.removeprefix("match_")) for name in PERSON[1:]}
            self.values.append({"person": track["person"]} | matched)

    def of_rows(self, values: NDArray[np.float64], columns: Sequence[str]) -> NDArray[np.int64]:
        """Number of each row's track, or NO_TRACK; rows of a picture belong to frame 1."""
        place = {name: number for number, name in enumerate(columns)}
        face = values[:, place["face_id" if "face_id" in place else "face"]]
        frame = values[:, place["frame"]] if "frame" in place else np.ones(len(values))
        found = np.full(len(values), NO_TRACK, np.int64)
        for number, (face_id, first, last) in enumerate(self._spans):
            found[(face == face_id) & (frame >= first) & (frame <= last)] = number
        return found
