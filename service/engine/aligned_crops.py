"""Pack the aligned crops of an engine run into one archive with an index, bounded in size."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.engine.tiles import FACE_IDS_A_TILE
from service.jobs.media_kind import Media

ALIGNED = "aligned.zip"
INDEX = "index.csv"
MOST_CROPS = 20_000
MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class AlignedFacts:
    """The archive of crops.

    Attributes:
        crops: in the archive; `of` have a row of a face in the table.
        reason: why some are missing; None where all are there.
    """

    name: str
    crops: int
    of: int
    reason: str | None


@dataclass(frozen=True)
class _Crop:
    """A row of the table that has a face, and its crop."""

    source: Path
    name: str
    index: str


def pack_crops(
    media: Media,
    folders: Sequence[Path],
    table: Path,
    numbers: Sequence[int] | None,
    into: Path,
    face_id_of: Callable[[int, int], int] | None = None,
) -> AlignedFacts:
    """Write the archive: the crops of the table's rows in their order, until a limit is reached.

    Args:
        folders: of the engine's crops; of a video in tiles one a tile.
        table: with the engine's own numbers of frames and faces.
        numbers: of the frames in the file; None where they are the engine's.
        face_id_of: the published number of a face, by the engine's frame and number; None where it is the engine's.
    """
    packed = of = size = absent = 0
    head = "file,face,confidence" if media == "image" else "file,face_id,frame,timestamp,confidence"
    index = [head]
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for crop in _crops(media, folders, table, numbers, face_id_of or _as_it_is):
            of += 1
            if not crop.source.is_file():
                absent += 1
                continue
            if packed == MOST_CROPS or size + crop.source.stat().st_size > MOST_BYTES:
                continue
            # PNG is compressed already; without the date of the run equal crops make equal archives.
            archive.writestr(zipfile.ZipInfo(crop.name), crop.source.read_bytes())
            size += crop.source.stat().st_size
            packed += 1
            index.append(crop.index)
        archive.writestr(zipfile.ZipInfo(INDEX), "\n".join(index) + "\n")
    return AlignedFacts(into.name, packed, of, _reason(packed, of, absent))


def _reason(packed: int, of: int, absent: int) -> str | None:
    if packed == of:
        return None
    if packed + absent == of:
        return f"the engine drew no crop for {absent} of {of} rows"
    return (
        f"an archive holds at most {MOST_CROPS:,} crops and {MOST_BYTES >> 20} MiB: the first {packed:,} of {of:,} "
        "are in it"
    )


def _as_it_is(frame: int, face_id: int) -> int:
    return face_id


def _crops(
    media: Media,
    folders: Sequence[Path],
    table: Path,
    numbers: Sequence[int] | None,
    face_id_of: Callable[[int, int], int],
) -> Iterator[_Crop]:
    with table.open("rb") as file:
        next(file)
        for line in file:
            cells = line.split(b",", 5)
            if media == "image":
                face, confidence = int(float(cells[0])), cells[1].decode()
                name = f"face_det_{face:06}.png"
                yield _Crop(folders[0] / name, name, f"{name},{face},{confidence}")
            elif float(cells[4]) == 1:
                yield _of_frame(cells, folders, numbers, face_id_of)


def _of_frame(
    cells: Sequence[bytes],
    folders: Sequence[Path],
    numbers: Sequence[int] | None,
    face_id_of: Callable[[int, int], int],
) -> _Crop:
    frame, face = int(float(cells[0])), int(float(cells[1]))
    tile, own = divmod(face, FACE_IDS_A_TILE) if len(folders) > 1 else (0, face)
    number = numbers[frame - 1] if numbers and frame <= len(numbers) else frame
    published = face_id_of(frame, face)
    name = f"frame_det_{published:02}_{number:06}.png"
    time_s, confidence = cells[2].decode(), cells[3].decode()
    source = folders[tile] / f"frame_det_{own:02}_{frame:06}.png"
    return _Crop(source, name, f"{name},{published},{number},{time_s},{confidence}")
