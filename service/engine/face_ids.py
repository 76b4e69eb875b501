"""Keep the number of a face over cuts: the engine's slots, put right by who was recognised in them.

The engine numbers slots of its tracker: after a cut, another person may have the number of one who left. Where people
were recognised, each keeps the number of the slot in which he or she was first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.engine.columns import columns_for
from service.engine.csv_blocks import Block, blocks, check_header
from service.engine.output import FACE_ID, FRAME, write_table
from service.engine.table import Table


@dataclass(frozen=True)
class Stretch:
    """Frames in which a slot shows one face.

    Attributes:
        slot: the engine's `face_id`.
        first, last: frames, both included.
        face_id: the number that the face keeps.
    """

    slot: int
    first: int
    last: int
    face_id: int

    def has(self, frame: int) -> bool:
        """Return whether a frame is in it."""
        return self.first <= frame <= self.last


class FaceIds:
    """Numbers faces by the tracks of `people.json`; a track without a person keeps its slot's number.

    Args:
        tracks: with `face_id`, `first_frame`, `last_frame` and `person`, in the order of their first frames. Those of
            one person share no frame.
        unused: a number above those of all slots in the table.
    """

    def __init__(self, tracks: Sequence[Mapping[str, Any]], unused: int) -> None:
        self._unused = unused
        self._spare: dict[int, int] = {}
        kept = self._of_people(tracks)
        of_people = [_stretch(track, kept[track["person"]]) for track in tracks if track["person"] is not None]
        self._holders = _grouped(of_people, lambda stretch: stretch.face_id)
        self.stretches = [
            _stretch(track, kept[track["person"]]) if track["person"] is not None else self._of_slot(track)
            for track in tracks
        ]
        self._slots = _grouped(self.stretches, lambda stretch: stretch.slot)
        self._holders = _grouped(self.stretches, lambda stretch: stretch.face_id)

    @property
    def changed(self) -> int:
        """Number of stretches whose number is not their slot's."""
        return sum(stretch.face_id != stretch.slot for stretch in self.stretches)

    def of(self, frame: int, slot: int) -> int:
        """Return the number of the face in a slot, which two slots never have in one frame.

        A row outside the stretches, as of a face that is lost, has the number of the slot's last stretch, unless
        another slot has had it since.
        """
        if slot not in self._slots:
            return slot
        nearest = _nearest(self._slots[slot], frame)
        if nearest.has(frame) or _nearest(self._holders[nearest.face_id], frame).slot == slot:
            return nearest.face_id
        return self._spare_of(slot)

    def put_into(self, tracks: Sequence[dict[str, Any]]) -> None:
        """Write the numbers into the tracks that they were made of; the slot's stays beside them."""
        for track, stretch in zip(tracks, self.stretches, strict=True):
            track |= {"face_id": stretch.face_id, "slot": stretch.slot}

    def _of_people(self, tracks: Sequence[Mapping[str, Any]]) -> dict[int, int]:
        """Give each person the number of the slot in which he or she was first, or else an unused one."""
        kept: dict[int, int] = {}
        for track in tracks:
            person, slot = track["person"], int(track["face_id"])
            if person is not None and person not in kept:
                kept[person] = self._next() if slot in kept.values() else slot
        return kept

    def _of_slot(self, track: Mapping[str, Any]) -> Stretch:
        own = _stretch(track, int(track["face_id"]))
        held = any(
            other.slot != own.slot and other.first <= own.last and own.first <= other.last
            for other in self._holders.get(own.face_id, ())
        )
        return _stretch(track, self._spare_of(own.slot)) if held else own

    def _spare_of(self, slot: int) -> int:
        if slot not in self._spare:
            self._spare[slot] = self._next()
        return self._spare[slot]

    def _next(self) -> int:
        self._unused += 1
        return self._unused - 1


def number_faces(table: Table, ids: FaceIds, publish_as: Path) -> Table:
    """Write a video's table with the numbers that faces keep; rows, their order and all other cells stay."""
    columns = columns_for("video")
    with table.path.open("rb") as source:
        check_header(source, columns)
        return write_table("video", _numbered(blocks(source, columns), ids), publish_as)


def _numbered(found: Iterable[Block], ids: FaceIds) -> Iterator[Block]:
    for block in found:
        values = block.values.copy()
        lines = []
        for line, row in zip(block.lines.splitlines(keepends=True), values, strict=True):
            row[FACE_ID] = ids.of(int(row[FRAME]), int(row[FACE_ID]))
            cells = line.split(b",", FACE_ID + 1)
            cells[FACE_ID] = b"%d" % int(row[FACE_ID])
            lines.append(b",".join(cells))
        yield Block(b"".join(lines), values)


def _grouped(stretches: Iterable[Stretch], key: Callable[[Stretch], int]) -> Mapping[int, list[Stretch]]:
    found: dict[int, list[Stretch]] = {}
    for stretch in stretches:
        found.setdefault(key(stretch), []).append(stretch)
    return found


def _nearest(stretches: Sequence[Stretch], frame: int) -> Stretch:
    """Return the last stretch that begins by a frame, else the first of all."""
    return stretches[max(0, bisect_right(stretches, frame, key=_first) - 1)]


def _first(stretch: Stretch) -> int:
    return stretch.first


def _stretch(track: Mapping[str, Any], face_id: int) -> Stretch:
    return Stretch(int(track["face_id"]), int(track["first_frame"]), int(track["last_frame"]), face_id)
