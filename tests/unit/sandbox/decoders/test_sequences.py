"""Pictures of a sequence: which are altered, and copies of one size with bars."""

from __future__ import annotations

from array import array
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from service.errors import MediaTooLarge, UnreadableMedia
from service.sandbox.decoders.sequences import convert, probe
from tests.fixtures import clips


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A JPEG, a turned PNG, a smaller BMP and a turned JPEG, which engines turn by themselves."""
    folder = tmp_path / "in"
    folder.mkdir()
    clips.picture(tmp_path / "a.jpg").rename(folder / "000001")
    clips.with_png_orientation(clips.picture(tmp_path / "b.png", 48, 64), 6).rename(folder / "000002")
    clips.picture(tmp_path / "c.bmp", 32, 24).rename(folder / "000003")
    clips.with_orientation(clips.picture(tmp_path / "d.jpg", 48, 64), 6).rename(folder / "000004")
    return folder


def test_altered_pictures_are_listed_by_number_and_the_canvas_holds_all(folder: Path, tmp_path: Path) -> None:
    found = probe(str(folder), str(tmp_path / "altered"), 1_000_000)
    assert array("q", (tmp_path / "altered").read_bytes()).tolist() == [2]
    assert (found["width"], found["height"], found["frames"], found["sizes"], found["altered"]) == (64, 48, 4, 2, 1)
    assert found["format"] == "jpeg"


def test_a_picture_that_cannot_be_used_is_named_by_its_number(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaTooLarge, match=r"picture 1 of the sequence: the picture has 64 . 48 pixels"):
        probe(str(folder), str(tmp_path / "altered"), 3000)
    (folder / "000003").write_bytes(b"BM")
    with pytest.raises(UnreadableMedia, match="picture 3 of the sequence"):
        probe(str(folder), str(tmp_path / "altered"), 1_000_000)


def test_copies_are_made_of_altered_and_of_smaller_pictures_alone(folder: Path, tmp_path: Path) -> None:
    altered, into = tmp_path / "altered", tmp_path / "copies"
    into.mkdir()
    altered.write_bytes(array("q", [2]).tobytes())
    assert convert(str(folder), str(into), str(altered), 64, 48, None) == {"written": 2}
    assert sorted(file.name for file in into.iterdir()) == ["000002.png", "000003.png"]
    small = cv2.imread(str(into / "000003.png"))
    # 32 by 24 in the middle of 64 by 48, as it was: its red quarter begins at 16, 12.
    assert small.shape == (48, 64, 3)
    assert small[12, 16].tolist() == [0, 0, 255]
    assert not small[:12].any() and not small[:, :16].any()


def test_a_region_is_cut_out_of_every_picture(folder: Path, tmp_path: Path) -> None:
    altered, into = tmp_path / "altered", tmp_path / "copies"
    into.mkdir()
    altered.write_bytes(b"")
    assert convert(str(folder), str(into), str(altered), 64, 48, "0,0,32,24") == {"written": 4}
    shapes = {cv2.imread(str(file)).shape for file in into.iterdir()}
    assert shapes == {(24, 32, 3)}
    # The red quarter of the first one, which is all of the region.
    assert np.abs(cv2.imread(str(into / "000001.png")).astype(int) - (0, 0, 255)).mean() < 4


def sequence(folder: Path, *brightest: int, suffix: str = "png") -> str:
    """Grey pictures of 16 bits a value, each a gradient up to its brightest value."""
    folder.mkdir()
    for number, value in enumerate(brightest, 1):
        grey = np.linspace(0, value, 64 * 48).reshape(48, 64).astype(np.uint16)
        Image.fromarray(grey).save(folder / f"{number:06d}", suffix)
    return str(folder)


def converted(path: str, tmp_path: Path) -> tuple[int | None, list[int]]:
    """The bits of a sequence, and the brightest value of each picture as engines see it."""
    altered, into = str(tmp_path / "altered"), tmp_path / "copies"
    into.mkdir()
    found = probe(path, altered, 1_000_000)
    convert(path, str(into), altered, 64, 48, None, found["value_bits"] or 16)
    copies = {file.name.removesuffix(".png"): file for file in into.iterdir()}
    shown = [copies.get(file.name, file) for file in sorted(Path(path).iterdir())]
    return found["value_bits"], [int(cv2.imread(str(file)).max()) for file in shown]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_a_dark_picture_stays_dark_among_those_of_12_bits(tmp_path: Path, suffix: str) -> None:
    # By itself the second one would be of 10 bits, and come out four times as bright.
    path = sequence(tmp_path / "in", 4095, 1000, 2000, suffix=suffix)
    assert converted(path, tmp_path) == (12, [255, 1000 >> 4, 2000 >> 4])


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_a_dark_picture_stays_dark_among_those_of_16_bits(tmp_path: Path, suffix: str) -> None:
    path = sequence(tmp_path / "in", 65535, 3000, suffix=suffix)
    assert converted(path, tmp_path) == (None, [255, 3000 >> 8])
