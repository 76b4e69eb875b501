"""Who was matched, as a result's `people.json` tells it, row by row of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PERSON = ("person", "match_person_id", "match_name", "match_distance")
NOBODY = -1


class Tracks:
    """The tracks of one result; of results without `people.json` there are none."""

    def __init__(self, people: Mapping[str, Any] | None) -> None:
        """Raises KeyError, TypeError where it is none of ours."""
        self._spans: list[tuple[int, int, int]] = []
        self.values: list[dict[str, Any]] = []
        for track in people["tracks"] if people else ():
            match = track["match"] or {}
            self._spans.append((int(track["face_id"]), int(track["first_frame"]), int(track["last_frame"])))
            told = {name: match.get(name.removeprefix("match_")) for name in PERSON[1:]}
            self.values.append({"person": track["person"]} | told)

    def of_rows(self, values: NDArray[np.float64], columns: Sequence[str]) -> NDArray[np.int64]:
        """For each row the number of its track, or NOBODY; a picture's rows are those of frame 1."""
        place = {name: number for number, name in enumerate(columns)}
        face = values[:, place["face_id" if "face_id" in place else "face"]]
        frame = values[:, place["frame"]] if "frame" in place else np.ones(len(values))
        found = np.full(len(values), NOBODY, np.int64)
        for number, (own, first, last) in enumerate(self._spans):
            found[(face == own) & (frame >= first) & (frame <= last)] = number
        return found
