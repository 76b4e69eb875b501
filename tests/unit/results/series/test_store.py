"""Series that are stored already: values in memory, geometry by ranges, and none of another format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from service.errors import NotFound
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from service.results.series.layout import FILE, GEOMETRY, VALUES, FaceRows, Header
from service.results.series.store import KEPT, SeriesStore
from service.storage.blob_store import BlobInfo
from service.storage.folder import FolderBlobs

JOB = AnalysisJob("c", "v.mp4", "e", "video", "wild", JobOptions.resolve("video", "wild", {}))
HEADER = Header(640, 480, 3, (FaceRows(0, 0, 2), FaceRows(1, 2, 1)))
VALUE = np.arange(3 * len(VALUES), dtype=np.float32).reshape(3, -1)
POINTS = np.arange(3 * GEOMETRY, dtype=np.int16).reshape(3, -1)


class Ranged(FolderBlobs):
    """A folder that is read in ranges, and counts the bytes of each."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read_bytes: list[int] = []

    def stream_range(self, container: str, name: str, etag: str, offset: int, length: int) -> Iterator[bytes]:
        self.read_bytes.append(length)
        yield self.read(container, name)[offset : offset + length]


@pytest.fixture
def blobs(tmp_path: Path) -> Ranged:
    return Ranged(tmp_path / "storage")


def stored(blobs: Ranged, number: int = 0, header: bytes = HEADER.line()) -> tuple[ResultPlace, BlobInfo]:
    place = ResultPlace("results", f"c/v.mp4/{number}/", "v")
    blobs.upload("results", place.csv, f"{number}".encode(), content_type="text/csv")
    data = header + VALUE.tobytes() + POINTS.tobytes()
    blobs.upload("results", place.artefact("", FILE), data, content_type="application/octet-stream")
    return place, blobs.info("results", place.csv)


def test_values_and_geometry_of_each_face_are_its_own(blobs: Ranged, tmp_path: Path) -> None:
    series = SeriesStore(blobs, tmp_path).find(JOB, *stored(blobs))
    first, second = series.header.faces
    assert (series.values_of(first) == VALUE[:2]).all() and (series.values_of(second) == VALUE[2:]).all()
    blobs.read_bytes.clear()
    assert (series.geometry_of(first, 1, 2) == POINTS[1:2]).all()
    assert (series.geometry_of(second, 0, 1) == POINTS[2:]).all()
    # Two bytes a coordinate, and no row more than was asked for.
    assert blobs.read_bytes == [2 * GEOMETRY] * 2


def test_a_series_in_memory_is_not_read_again_and_few_are_kept(blobs: Ranged, tmp_path: Path) -> None:
    store = SeriesStore(blobs, tmp_path)
    first = stored(blobs)
    found = store.find(JOB, *first)
    assert store.find(JOB, *first) is found
    for number in range(1, KEPT + 1):
        store.find(JOB, *stored(blobs, number))
    assert store.find(JOB, *first) is not found


def test_a_deleted_manifest_leaves_a_stored_series_readable(blobs: Ranged, tmp_path: Path) -> None:
    place, csv = stored(blobs)
    assert SeriesStore(blobs, tmp_path).find(JOB, place, csv).facts.frame_rate is None
    manifest = json.dumps({"media": {"probe": {"frame_rate": 25}}}).encode()
    blobs.upload("results", place.manifest(""), manifest, content_type="application/json")
    assert SeriesStore(blobs, tmp_path).find(JOB, place, csv).facts.frame_rate == 25


def test_a_series_of_another_format_is_made_anew(blobs: Ranged, tmp_path: Path) -> None:
    place, csv = stored(blobs, header=HEADER.line().replace(b'"format": 1', b'"format": 9'))
    # Making one needs the manifest, which is not there.
    with pytest.raises(NotFound) as missing:
        SeriesStore(blobs, tmp_path).find(JOB, place, csv)
    assert missing.value.code == "no_manifest"
