"""A video's table with known values, added to a study's distribution."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.results.annotations import NO_ANNOTATIONS, Annotations
from service.results.manifest_reader import ManifestReader
from service.results.report import table_reader
from service.results.study.distribution import Distribution
from tests.fixtures.results_made import cells_of, manifest_of, write_table

FRAMES = 120
AWAY = range(31, 61)
"""A second without a face."""


def cells(frame: int) -> dict[str, str]:
    away = frame in AWAY
    return cells_of(frame) | {
        "success": "0" if away else "1",
        "confidence": "0.02" if away else "0.98",
        "AU12_r": "5.00" if away else "2.00" if frame <= 30 else "1.00",
    }


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_table(tmp_path / "t.csv", FRAMES, cells)


def added(csv: Path, annotations: Annotations = NO_ANNOTATIONS, **manifest: object) -> Distribution:
    distribution = Distribution()
    facts = ManifestReader(manifest_of(csv, FRAMES) | manifest)
    distribution.add(table_reader.read(csv, facts.media), facts, annotations)
    return distribution
