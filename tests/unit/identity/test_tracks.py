"""Tracks of faces linked to people: across cuts, through blurs, and never two in one frame."""

from __future__ import annotations

from service.identity.tracks import Box, EmbeddedTrack, Place, Track, cut_where_face_changes, people, samples, tracks
from service.identity.vectors import Embedding
from tests.integration.identity.conftest import made_up

THRESHOLD = 0.6
LEFT, RIGHT = Box(0, 0, 100, 100), Box(300, 0, 400, 100)


def places(face: int, first: int, last: int, box: Box = LEFT, row: int = 0) -> list[Place]:
    return [Place(row + n, frame, face, 0.9, box) for n, frame in enumerate(range(first, last + 1))]


def a_track(first: int, last: int, face: int = 0) -> Track:
    return Track(tuple(places(face, first, last)))


def near(person: int, seed: int) -> Embedding:
    return made_up(seed, near=person, apart=0.2)


def ends(found: list[Track]) -> list[tuple[int, int, int]]:
    return [(track.face, track.first, track.last) for track in found]


def test_a_slot_is_cut_where_the_face_jumps_or_is_long_gone() -> None:
    jump = places(0, 1, 10) + places(0, 11, 20, RIGHT, row=10)
    gone = places(1, 1, 5, RIGHT, row=20) + places(1, 30, 35, RIGHT, row=25)
    short = places(2, 1, 5, row=40) + places(2, 9, 12, row=45)
    assert ends(tracks(jump + gone + short)) == [(0, 1, 10), (1, 1, 5), (2, 1, 12), (0, 11, 20), (1, 30, 35)]


def test_a_track_is_looked_at_where_it_is_surest() -> None:
    own = [Place(n, n + 1, 0, 0.8 + 0.01 * (n == 3), LEFT) for n in range(10)]
    assert [place.frame for place in samples(Track(tuple(own)), 5)] == [4, 6]
    assert samples(Track((Place(0, 1, 0, 0.5, LEFT),)), 5) == []


def test_each_shot_of_a_track_is_looked_at() -> None:
    assert [place.frame for place in samples(a_track(3, 40), 25, shots=[20, 22])] == [3, 20, 22]


def test_one_person_before_and_after_a_cut_is_one() -> None:
    found = [
        EmbeddedTrack(a_track(1, 10), (near(1, 11),)),
        EmbeddedTrack(a_track(1, 10, face=1), (near(2, 12),)),
        EmbeddedTrack(a_track(11, 20), (near(2, 13),)),
        EmbeddedTrack(a_track(11, 20, face=1), (near(1, 14), near(1, 15))),
        EmbeddedTrack(a_track(21, 30), (near(3, 16),)),
        EmbeddedTrack(a_track(21, 30, face=1), ()),
    ]
    assert people(found, THRESHOLD) == [[0, 3], [1, 2], [4]]


def test_two_in_one_frame_are_two_however_alike() -> None:
    twins = [EmbeddedTrack(a_track(1, 10), (near(1, 11),)), EmbeddedTrack(a_track(5, 15, face=1), (near(1, 12),))]
    assert people(twins, THRESHOLD) == [[0], [1]]
    one_after_the_other = [twins[0], EmbeddedTrack(a_track(11, 15, face=1), (near(1, 12),))]
    assert people(one_after_the_other, THRESHOLD) == [[0, 1]]


def test_a_change_of_face_in_one_place_cuts_the_track() -> None:
    track = a_track(1, 40)
    embedded = {0: near(1, 11), 10: near(1, 12), 20: near(2, 13), 30: near(2, 14)}
    first, second = cut_where_face_changes(track, embedded, THRESHOLD)
    assert (first.track.first, first.track.last, second.track.first, second.track.last) == (1, 16, 17, 40)
    assert (len(first.embeddings), len(second.embeddings)) == (2, 2)


def test_a_track_is_cut_where_the_shot_begins_that_shows_another_face() -> None:
    embedded = {0: near(1, 11), 25: near(2, 12)}
    first, second = cut_where_face_changes(a_track(1, 40), embedded, THRESHOLD, shots=[5, 31])
    assert (first.track.last, second.track.first) == (4, 5)


def test_a_face_of_one_look_in_a_shot_of_its_own_is_no_blur() -> None:
    embedded = {0: near(1, 11), 14: near(2, 12), 25: near(1, 13)}
    parts = cut_where_face_changes(a_track(1, 40), embedded, THRESHOLD, shots=[11, 21])
    assert [(part.track.first, part.track.last) for part in parts] == [(1, 10), (11, 20), (21, 40)]


def test_a_blur_does_not_cut_a_track() -> None:
    embedded = {0: near(1, 11), 10: made_up(99), 20: near(1, 12)}
    [whole] = cut_where_face_changes(a_track(1, 30), embedded, THRESHOLD)
    assert len(whole.embeddings) == 2
