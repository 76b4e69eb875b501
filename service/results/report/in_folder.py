"""Make reports of results in local folders, beside their tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import NotFound
from service.results.annotations import Annotations, annotations_beside
from service.results.quality_gate import CONFIDENCE
from service.results.report.make import ReportMaker, ReportRequest
from service.storage.local_files import sha256_of

NO_UPLOAD = "the upload was not available when the report was made."
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class FolderResult:
    """A table and its manifest."""

    csv: Path
    manifest: Mapping[str, Any]

    @property
    def annotations(self) -> Annotations:
        """Annotations beside the table. Raises MalformedOutput."""
        return annotations_beside(self.csv)


def find_results(folders: Sequence[Path]) -> list[FolderResult]:
    """Find the results below folders: every table with a manifest beside it, or in the folder of its attempt.

    Raises:
        NotFound: there are none.
    """
    found = [
        FolderResult(csv, manifest)
        for folder in folders
        for csv in sorted(folder.rglob("*.csv"))
        for manifest in [_manifest_of(csv)]
        if manifest is not None
    ]
    if not found:
        raise NotFound("no results found: a result is a CSV with its manifest.json", "no_results")
    return found


def find_upload(result: FolderResult, among: Sequence[Path]) -> Path | None:
    """Find the analysed file by its size and SHA-256 among files and folders."""
    media = result.manifest.get("media") or {}
    size, sha256 = media.get("bytes"), media.get("sha256")
    if not sha256:
        return None
    return next((file for file in _files(among) if file.stat().st_size == size and sha256_of(file) == sha256), None)


def write_beside(
    result: FolderResult,
    upload: Path | None,
    maker: ReportMaker,
    confidence: float = CONFIDENCE,
) -> list[Path]:
    """Make a report beside its table and return its files. Raises as `ReportMaker.make`."""
    request = ReportRequest(
        result.csv, result.manifest, upload, "" if upload else NO_UPLOAD, confidence, result.annotations
    )
    written = []
    for name, content in maker.make(request).items():
        written.append(result.csv.parent / name)
        written[-1].write_bytes(content)
    return written


def _manifest_of(csv: Path) -> Mapping[str, Any] | None:
    places = [csv.parent / MANIFEST, *sorted(csv.parent.glob(f"*/{MANIFEST}"))]
    for place in places:
        try:
            manifest = json.loads(place.read_text("utf-8"))
            if (manifest.get("csv") or {}).get("name") == csv.name:
                return dict(manifest)
        except (OSError, ValueError, AttributeError):
            continue
    return None


def _files(among: Sequence[Path]) -> Iterator[Path]:
    for path in among:
        yield from (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
