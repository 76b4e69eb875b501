"""The numbers of a study, from tables whose values are known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.results.annotations import NO_ANNOTATIONS, Annotations, ExcludedStretch
from service.results.manifest_reader import ManifestReader
from service.results.report import table_reader
from service.results.study.distribution import Distribution
from tests.fixtures.comparable_results import face, result
from tests.fixtures.results_made import RATE, cells_of, manifest_of, write_table
from tests.unit.results.study.conftest import FRAMES, added


def test_rows_that_fail_the_gate_are_in_no_statistics(video: Path) -> None:
    [unit] = [one for one in added(video).units() if one.unit == "AU12"]
    assert (unit.rows, unit.files) == (90, 1)
    assert unit.mean == unit.p50 == pytest.approx((30 * 2 + 60 * 1) / 90, abs=1e-4)
    assert {place: count for place, count in enumerate(unit.bars) if count} == {20: 30, 10: 60}
    assert {place: count for place, count in enumerate(unit.means) if count} == {13: 1}


def test_a_stretch_without_a_face_is_a_gap_and_an_excluded_one_is_none(video: Path) -> None:
    quality = added(video).quality()
    assert (quality.frames, quality.frames_with_face, quality.frames_used) == (FRAMES, 90, 90)
    assert (quality.gaps, quality.gaps_s) == (1, pytest.approx(1.0, abs=0.02))
    assert quality.confidence == 0.98
    by = ExcludedStretch(start_s=0.0, end_s=30 / RATE, by="someone", at=datetime.now(UTC))
    excluded = added(video, Annotations(excluded=(by,)))
    assert (excluded.quality().frames_used, excluded.quality().gaps) == (60, 1)
    assert next(one.mean for one in excluded.units() if one.unit == "AU12") == 1.0


def test_frames_that_the_table_lacks_at_both_ends_and_between_are_gaps(tmp_path: Path) -> None:
    # Every frame has a row, and only two stretches have a face.
    seen = {*range(31, 41), *range(71, 81)}
    table = write_table(
        tmp_path / "t.csv", FRAMES, lambda frame: cells_of(frame) | {"success": "1" if frame in seen else "0"}
    )
    quality = added(table).quality()
    assert (quality.gaps, quality.gaps_s) == (3, pytest.approx(100 / RATE, abs=0.05))


def test_files_weigh_alike_whatever_their_length(tmp_path: Path, video: Path) -> None:
    distribution = added(video)
    short = write_table(tmp_path / "short.csv", 10, lambda frame: cells_of(frame) | {"AU12_r": "4.00"})
    facts = ManifestReader(manifest_of(short, 10))
    distribution.add(table_reader.read(short, "video"), facts, NO_ANNOTATIONS)
    folder = result(tmp_path / "picture", "image", [face(0, AU12_r=0.0), face(1, confidence=0.3, AU12_r=5.0)])
    [csv] = folder.glob("*.csv") if folder.is_dir() else [folder]
    facts = ManifestReader({"job": {"media": "image"}, "completeness": {"verdict": "partial"}})
    distribution.add(table_reader.read(csv, "image"), facts, NO_ANNOTATIONS)
    [unit] = [one for one in distribution.units() if one.unit == "AU12"]
    assert (unit.files, unit.rows) == (3, 101)
    assert unit.mean == pytest.approx((4 / 3 + 4 + 0) / 3, abs=1e-4)
    quality = distribution.quality()
    assert (quality.videos, quality.pictures, quality.pictures_with_face, quality.partial) == (2, 1, 1, 1)


def test_nothing_measured_is_no_zero() -> None:
    distribution = Distribution()
    assert distribution.quality().confidence is None
    assert distribution.units() == []
