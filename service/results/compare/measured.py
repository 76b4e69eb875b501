"""Read the action units of one face of a result, over the rows that pass the quality gate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from service.engine.columns import IMAGE_HEAD, INTENSITIES, PRESENCES, VIDEO_HEAD
from service.errors import BadRequest
from service.jobs.media_kind import Media
from service.jobs.names import file_name
from service.results.annotations import NO_ANNOTATIONS, Annotations, annotations_beside
from service.results.quality_gate import gate, passes
from service.results.report.table_reader import read
from service.results.summary_model import Gate
from service.storage.local_files import sha256_of

MANIFEST = "manifest.json"
HEADER_BYTES = 64 << 10
PERCENTILES = {"median": 50.0}


class BadResult(BadRequest):
    """The input is not a result that can be compared."""

    code = "bad_result"


@dataclass(frozen=True)
class ResultInfo:
    """The origin of a result; None where unknown.

    Attributes:
        media: the name of the blob or file.
        partial: why the result does not cover the whole media.
        support: of the engine, by action-unit column.
        au: `static` (each frame alone) or `dynamic` (calibrated over the clip): two scales.
    """

    media: str
    csv_sha256: str
    job_id: str | None = None
    engine: str | None = None
    licence_class: str | None = None
    partial: str | None = None
    support: Mapping[str, str] | None = None
    au: str | None = None

    @classmethod
    def of(cls, manifest: Mapping[str, Any], csv_sha256: str) -> ResultInfo:
        """Read a manifest."""
        engine, judged = manifest.get("engine") or {}, manifest.get("completeness") or {}
        return cls(
            media=file_name(str(manifest["job"]["blob"])),
            csv_sha256=csv_sha256,
            job_id=str(manifest["job"]["id"]),
            engine=f"{engine.get('name')} {engine.get('version') or ''}".strip() if engine else None,
            licence_class=engine.get("licence_class"),
            partial=str(judged.get("reason")) if judged.get("verdict") == "partial" else None,
            support=engine.get("au_support") or {},
            au=(manifest["job"].get("options") or {}).get("au"),
        )


@dataclass(frozen=True)
class FaceMeasurements:
    """The action units of one face.

    Attributes:
        columns: by action-unit column the finite values in good rows; empty where there is none.
        rows, rows_used: of this face, and those of them that pass the gate.
        faces, face: the number of faces, and the number of this one.
        chosen: whether the caller chose the face; else it is the biggest of a picture, or the one in most frames.
    """

    about: ResultInfo
    media: Media
    columns: Mapping[str, NDArray[np.float64]]
    rows: int
    rows_used: int
    faces: int
    face: int | None
    chosen: bool
    gate: Gate

    def value(self, column: str, statistic: str) -> float | None:
        """Compute a statistic (`mean`, `median`, `p0` to `p100`) of a column; None where nothing was measured."""
        values = self.columns[column]
        if not values.size:
            return None
        if statistic == "mean":
            return float(values.mean())
        return float(np.percentile(values, PERCENTILES.get(statistic) or float(statistic[1:])))


def measure_result(result: Path, face: int | None = None) -> FaceMeasurements:
    """Read a result: its CSV, or its folder.

    Args:
        face: number of the face in the table, where there are several.

    Raises:
        BadResult: there is no result or no such face.
        MalformedOutput: a row is incomplete, a cell is not a number, or annotations cannot be read.
    """
    csv = _csv(result)
    sha256 = sha256_of(csv)
    return measure_table(csv, _about(csv, sha256), face, annotations_beside(csv))


def measure_table(
    csv: Path, about: ResultInfo, face: int | None = None, annotations: Annotations = NO_ANNOTATIONS
) -> FaceMeasurements:
    """Read the action units of a table whose origin is known, outside annotated stretches."""
    media = _media(csv)
    table = read(csv, media)
    number = table["face_id" if media == "video" else "face"]
    asked = gate(excluded=annotations.spans)
    good = passes(table, asked)
    if media == "video":
        number = number.where(table["success"] == 1)
    faces = sorted({int(one) for one in number.dropna()})
    if face is not None and face not in faces:
        raise BadResult(f"{about.media} has no face {face}; it has {', '.join(map(str, faces)) or 'none'}")
    main = _main_face(table, number, media) if face is None else face
    mine = (number == main).to_numpy()
    used = table[mine & good]
    return FaceMeasurements(
        about=about,
        media=media,
        columns={name: _finite(used[name].to_numpy(dtype=np.float64)) for name in (*INTENSITIES, *PRESENCES)},
        rows=len(table) if media == "video" and len(faces) < 2 else int(mine.sum()),
        rows_used=len(used),
        faces=len(faces),
        face=main,
        chosen=face is not None,
        gate=asked,
    )


def _main_face(table: pd.DataFrame, number: pd.Series[float], media: Media) -> int | None:
    """Choose the biggest face of a picture (by the box around its landmarks), the one in most frames of a video."""
    if not number.notna().any():
        return None
    if media == "video":
        numbers, counts = np.unique(number.dropna().to_numpy(), return_counts=True)
        return int(numbers[int(np.argmax(counts))])
    area = (table["box_width"] * table["box_height"]).fillna(0.0)
    return int(number.to_numpy()[int(np.argmax(area.to_numpy()))])


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _csv(result: Path) -> Path:
    if not result.is_dir():
        return result
    found = sorted(result.glob("*.csv"))
    if len(found) != 1:
        raise BadResult(f"{result} holds {len(found)} CSVs; name one of them")
    return found[0]


def _about(csv: Path, sha256: str) -> ResultInfo:
    """Read the manifest beside the table, if it describes this table."""
    try:
        manifest = json.loads((csv.parent / MANIFEST).read_text("utf-8"))
        if manifest["csv"]["sha256"] == sha256:
            return ResultInfo.of(manifest, sha256)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return ResultInfo(media=csv.name, csv_sha256=sha256)


def _media(csv: Path) -> Media:
    """Tell the kind of media by the first columns; others of OpenFace's may be missing."""
    try:
        with csv.open("rb") as file:
            header = {name.strip() for name in file.readline(HEADER_BYTES).decode("utf-8", "replace").split(",")}
    except OSError as error:
        raise BadResult(f"{csv} cannot be read: {error.strerror}") from error
    if not header & {*INTENSITIES, *PRESENCES}:
        raise BadResult(f"{csv.name} has no columns of action units")
    if header >= set(VIDEO_HEAD):
        return "video"
    if header >= set(IMAGE_HEAD):
        return "image"
    raise BadResult(
        f"{csv.name} is not a table of OpenFace: it lacks {', '.join(IMAGE_HEAD)} or {', '.join(VIDEO_HEAD)}"
    )
