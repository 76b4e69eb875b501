"""Matches of people assigned to rows: by face and frame, borders included."""

from __future__ import annotations

import numpy as np
import pytest

from service.results.collect.people import NO_TRACK, PERSON, PeopleTracks

MATCH = {"person_id": "p1", "name": "Ada", "distance": 0.41}
PEOPLE = {"tracks": [{"face_id": 2, "first_frame": 5, "last_frame": 7, "person": 1, "match": MATCH}]}


def test_a_track_has_its_rows_from_first_to_last_frame() -> None:
    rows = np.array([[4, 2], [5, 2], [7, 2], [8, 2], [6, 0]], float)
    assert PeopleTracks(PEOPLE).of_rows(rows, ["frame", "face_id"]).tolist() == [NO_TRACK, 0, 0, NO_TRACK, NO_TRACK]


def test_rows_of_a_picture_belong_to_frame_one() -> None:
    track = {"face_id": 1, "first_frame": 1, "last_frame": 1, "person": 4, "match": None}
    tracks = PeopleTracks({"tracks": [track]})
    assert tracks.of_rows(np.array([[0.0], [1.0]]), ["face"]).tolist() == [NO_TRACK, 0]
    # A person without a match has a number and nothing else.
    assert tracks.values == [dict.fromkeys(PERSON) | {"person": 4}]


def test_a_result_without_people_has_no_tracks() -> None:
    tracks = PeopleTracks(None)
    assert (tracks.values, tracks.of_rows(np.ones((2, 1)), ["face"]).tolist()) == ([], [NO_TRACK, NO_TRACK])


@pytest.mark.parametrize("odd", [{}, {"tracks": [{"face_id": 0}]}, {"tracks": [None]}])
def test_people_of_another_form_are_an_error(odd: dict) -> None:
    with pytest.raises((KeyError, TypeError)):
        PeopleTracks(odd or {"other": 1})
