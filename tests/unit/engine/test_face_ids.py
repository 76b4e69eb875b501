"""Numbers that faces keep over cuts, by the people recognised in them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.engine.aligned_crops import pack_crops
from service.engine.face_ids import FaceIds, number_faces
from service.engine.output import FACE_ID
from service.engine.table import Table
from service.engine.tiles import join_tables
from tests.unit.engine.test_tiles import table


def track(slot: int, first: int, last: int, person: int | None) -> dict[str, Any]:
    return {"face_id": slot, "first_frame": first, "last_frame": last, "person": person}


def test_two_who_change_slots_at_a_cut_keep_their_numbers() -> None:
    ids = FaceIds([track(0, 1, 10, 1), track(1, 1, 10, 2), track(0, 11, 20, 2), track(1, 11, 20, 1)], 2)
    assert [ids.of(5, 0), ids.of(5, 1), ids.of(15, 0), ids.of(15, 1)] == [0, 1, 1, 0]
    assert ids.changed == 2


def test_another_person_in_the_same_slot_gets_an_unused_number() -> None:
    ids = FaceIds([track(0, 1, 10, 1), track(0, 12, 20, 2), track(0, 22, 30, 1)], 1)
    assert [ids.of(frame, 0) for frame in (1, 11, 12, 20, 21, 22, 30, 31)] == [0, 0, 1, 1, 1, 0, 0, 0]


def test_a_face_that_was_not_recognised_never_shares_a_number_within_a_frame() -> None:
    ids = FaceIds([track(0, 1, 10, 1), track(0, 11, 20, None), track(1, 11, 20, 1)], 2)
    assert ids.of(15, 1) == 0
    assert ids.of(15, 0) == 2


def test_numbers_are_written_into_the_tracks_with_the_slots_beside_them() -> None:
    tracks = [track(0, 1, 10, 1), track(0, 11, 20, 2), track(1, 11, 20, 1)]
    FaceIds(tracks, 2).put_into(tracks)
    assert [(each["face_id"], each["slot"]) for each in tracks] == [(0, 0), (2, 0), (0, 1)]


@st.composite
def recognised(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tracks as the recogniser makes them: those of a slot, and those of a person, share no frame."""
    found: list[dict[str, Any]] = []
    for slot in range(draw(st.integers(1, 4))):
        ends = sorted(draw(st.sets(st.integers(1, 40), max_size=8)))
        for first, last in zip(ends[::2], ends[1::2], strict=False):
            taken = {each["person"] for each in found if each["first_frame"] <= last and first <= each["last_frame"]}
            free = [person for person in (1, 2, 3) if person not in taken]
            found.append(track(slot, first, last, draw(st.sampled_from([None, *free]))))
    return sorted(found, key=lambda each: (each["first_frame"], each["face_id"]))


@given(recognised())
def test_a_number_stands_once_in_a_frame_and_for_one_person(tracks: list[dict[str, Any]]) -> None:
    ids = FaceIds(tracks, 4)
    for frame in range(42):
        numbers = [ids.of(frame, slot) for slot in range(4)]
        assert len(set(numbers)) == 4, (frame, numbers)
    by_person: dict[int, set[int]] = {}
    for each, stretch in zip(tracks, ids.stretches, strict=True):
        if each["person"] is not None:
            by_person.setdefault(each["person"], set()).add(stretch.face_id)
    assert all(len(numbers) == 1 for numbers in by_person.values())
    assert len(set.union(set(), *by_person.values())) == len(by_person)


def swapped(tmp_path: Path) -> tuple[Table, FaceIds]:
    """The table of two faces that change slots at frame 3, and their numbers."""
    rows = [(frame, slot, 10.0 * frame + slot) for frame in (1, 2, 3, 4) for slot in (0, 1)]
    measured = join_tables([table(tmp_path / "engine.csv", *rows)], tmp_path / "checked.csv")
    return measured, FaceIds([track(0, 1, 2, 1), track(1, 1, 2, 2), track(0, 3, 4, 2), track(1, 3, 4, 1)], 2)


def test_only_the_number_of_the_face_changes_in_a_table(tmp_path: Path) -> None:
    measured, ids = swapped(tmp_path)
    numbered = number_faces(measured, ids, tmp_path / "numbered.csv")
    before = [line.split(b",") for line in measured.path.read_bytes().splitlines()]
    after = [line.split(b",") for line in numbered.path.read_bytes().splitlines()]
    assert [line[FACE_ID] for line in after[1:]] == [b"0", b"1", b"0", b"1", b"1", b"0", b"1", b"0"]
    for line in (*before, *after):
        line[FACE_ID] = b""
    assert before == after
    assert (numbered.rows, numbered.faces, numbered.sha256 == measured.sha256) == (8, 2, False)


def test_a_crop_has_the_number_of_its_row_and_the_pixels_of_the_engine_s(tmp_path: Path) -> None:
    measured, ids = swapped(tmp_path)
    crops = tmp_path / "crops"
    crops.mkdir()
    for frame in (1, 2, 3, 4):
        for slot in (0, 1):
            (crops / f"frame_det_{slot:02}_{frame:06}.png").write_bytes(b"%d %d" % (frame, slot))
    pack_crops("video", [crops], measured.path, None, tmp_path / "crops.zip", ids.of)
    with zipfile.ZipFile(tmp_path / "crops.zip") as archive:
        assert archive.read("frame_det_00_000002.png") == b"2 0"
        assert archive.read("frame_det_01_000003.png") == b"3 0"
        assert "frame_det_00_000003.png,0,3," in archive.read("index.csv").decode()
