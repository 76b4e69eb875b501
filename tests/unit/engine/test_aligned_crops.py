"""The archive of crops: those of the table's rows under the published numbers, as many as fit."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.engine import aligned_crops
from service.engine.aligned_crops import AlignedFacts, pack_crops
from service.engine.tiles import FACE_IDS_A_TILE
from service.jobs.media_kind import Media


class Bench:
    """Crops in folders, and what is packed of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.crops = [folder / "crops"]

    def draw(self, *names: str, folder: int = 0) -> None:
        """Let the engine have drawn these, each with its name in it."""
        for name in names:
            self.crops[folder].mkdir(exist_ok=True)
            (self.crops[folder] / name).write_bytes(name.encode())

    def pack(self, media: Media, *rows: str, numbers: Sequence[int] | None = None, **more: object) -> AlignedFacts:
        table = self.folder / "table.csv"
        table.write_text("\n".join(["header", *(f"{row},0" for row in rows)]) + "\n")
        return pack_crops(media, self.crops, table, numbers, self.folder / "a.zip", **more)  # type: ignore[arg-type]

    @property
    def packed(self) -> dict[str, str]:
        with zipfile.ZipFile(self.folder / "a.zip") as archive:
            return {name: archive.read(name).decode() for name in archive.namelist() if name != "index.csv"}

    @property
    def index(self) -> list[str]:
        with zipfile.ZipFile(self.folder / "a.zip") as archive:
            return archive.read("index.csv").decode().splitlines()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def frame(face: int, number: int) -> str:
    return f"frame_det_{face:02}_{number:06}.png"


def test_a_pictures_crops_are_named_by_their_face(bench: Bench) -> None:
    bench.draw("face_det_000000.png", "face_det_000001.png")
    facts = bench.pack("image", "0,0.9,x,x,x", "1,0.8,x,x,x")
    assert facts == AlignedFacts("a.zip", 2, 2, None)
    assert bench.packed == {name: name for name in ("face_det_000000.png", "face_det_000001.png")}
    assert bench.index == ["file,face,confidence", "face_det_000000.png,0,0.9", "face_det_000001.png,1,0.8"]


def test_a_videos_crops_are_those_of_its_good_rows(bench: Bench) -> None:
    bench.draw(frame(0, 1), frame(0, 2), frame(3, 2))
    facts = bench.pack("video", "1,0,0.0,0.9,1", "2,0,0.1,0.2,0", "2,3,0.1,0.8,1")
    assert (facts.crops, facts.of) == (2, 2)
    assert bench.packed == {name: name for name in (frame(0, 1), frame(3, 2))}
    head = "file,face_id,frame,timestamp,confidence"
    assert bench.index == [head, f"{frame(0, 1)},0,1,0.0,0.9", f"{frame(3, 2)},3,2,0.1,0.8"]


def test_crops_of_a_part_have_the_frames_and_faces_of_the_whole(bench: Bench) -> None:
    bench.draw(*(frame(0, number) for number in (1, 2, 3)))
    rows = [f"{number},0,0.0,0.9,1" for number in (1, 2, 3)]
    bench.pack("video", *rows, numbers=[11, 12], face_id_of=lambda number, face: 40 + number)
    # A frame beyond those that were counted keeps the engine's number.
    assert bench.packed == {frame(41, 11): frame(0, 1), frame(42, 12): frame(0, 2), frame(43, 3): frame(0, 3)}


def test_crops_of_tiles_are_found_in_their_folders(bench: Bench) -> None:
    bench.crops.append(bench.folder / "second")
    bench.draw(frame(2, 1), folder=1)
    face = FACE_IDS_A_TILE + 2
    bench.pack("video", f"1,{face},0.0,0.9,1")
    assert bench.packed == {frame(face, 1): frame(2, 1)}


def test_a_single_folder_has_all_numbers_of_faces(bench: Bench) -> None:
    face = FACE_IDS_A_TILE + 2
    bench.draw(frame(face, 1))
    assert bench.pack("video", f"1,{face},0.0,0.9,1").crops == 1


def test_crops_that_the_engine_did_not_draw_are_counted(bench: Bench) -> None:
    bench.draw("face_det_000001.png")
    facts = bench.pack("image", "0,0.9,x,x,x", "1,0.8,x,x,x")
    assert (facts.crops, facts.of, facts.reason) == (1, 2, "the engine drew no crop for 1 of 2 rows")
    assert bench.index[1:] == ["face_det_000001.png,1,0.8"]


@pytest.mark.parametrize(
    ("limits", "crops"),
    [({"MOST_CROPS": 2}, 2), ({"MOST_CROPS": 3}, 3), ({"MOST_BYTES": 38}, 2), ({"MOST_BYTES": 37}, 1)],
)
def test_an_archive_is_bounded_in_crops_and_bytes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], crops: int
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(aligned_crops, name, value)
    # Of 19 bytes each.
    bench.draw(*(f"face_det_00000{face}.png" for face in range(3)))
    facts = bench.pack("image", *(f"{face},0.9,x,x,x" for face in range(3)))
    assert (facts.crops, len(bench.index) - 1) == (crops, crops)
    assert facts.reason is None if crops == 3 else f"the first {crops} of 3" in str(facts.reason)


def test_equal_crops_make_equal_archives(bench: Bench, tmp_path: Path) -> None:
    bench.draw("face_det_000000.png")
    archives = []
    for _ in range(2):
        bench.pack("image", "0,0.9,x,x,x")
        archives.append((tmp_path / "a.zip").read_bytes())
    assert archives[0] == archives[1]
