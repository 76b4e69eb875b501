"""Read a manifest that may be of an older version, or hold anything: odd values are empty, never an error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeGuard

CAMERA = ("fx", "fy", "cx", "cy")


class ManifestReader:
    """The parts of a manifest by name."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.manifest = manifest
        self.job = _part(manifest, "job")
        self.attempt = _part(manifest, "attempt")
        self.file = _part(manifest, "media")
        self.probe = _part(self.file, "probe")
        self.engine = _part(manifest, "engine")
        self.frames = _part(manifest, "frames")
        self.csv = _part(manifest, "csv")
        self.aligned = _part(manifest, "aligned")
        self._faces_limit = _part(manifest, "faces_limit")
        self.options = _part(self.job, "options")
        self.au_support = _texts(_part(self.engine, "au_support"))
        self.au_facts = _part(self.engine, "au_facts")

    @property
    def media(self) -> Literal["image", "video"]:
        """How the media was measured, by the job; without one, a manifest with frames is a video's."""
        return "image" if self.job.get("media", "video" if self.frames else "image") == "image" else "video"

    @property
    def has_times(self) -> bool:
        """Whether the frames have times; those of a sequence of pictures have none."""
        return self.job.get("media") != "sequence"

    @property
    def files(self) -> list[str]:
        """Names of a sequence's pictures in the order of the frames."""
        said = self.file.get("files")
        return [str(name) for name in said] if isinstance(said, list) else []

    @property
    def faces_limit_reached(self) -> bool:
        """Whether as many faces were followed at once as the job allows."""
        return self._faces_limit.get("reached") is True

    @property
    def face_ids_are_kept(self) -> bool:
        """Whether faces keep their number over cuts, where people were recognised in them."""
        return isinstance(self.manifest.get("face_ids"), Mapping)

    @property
    def faces_at_most(self) -> int:
        """Number of faces that are followed at once; 0 where no number is a limit."""
        return max(int(_number(self._faces_limit.get("at_most"))), 0)

    @property
    def verdict(self) -> Literal["complete", "partial", "unknown"]:
        """Completeness of the table."""
        said = _part(self.manifest, "completeness").get("verdict")
        return said if said in ("complete", "partial") else "unknown"

    @property
    def reason(self) -> str | None:
        """Reason for a partial table."""
        said = _part(self.manifest, "completeness").get("reason")
        return None if said is None else str(said)

    @property
    def columns(self) -> int:
        """Number of columns of the table; 0 where unknown."""
        return int(_number(self.csv.get("columns")))

    def frame_count(self, name: str) -> int | None:
        """A number of frames; None where none is stated."""
        said = self.frames.get(name)
        return int(said) if _is_number(said) and said >= 0 else None

    def probed(self, name: str) -> float:
        """A number of the probe; 0 where none is stated."""
        return _number(self.probe.get(name))

    @property
    def frame_rate(self) -> float | None:
        """Frames per second of the media as the engine read it."""
        return max(self.probed("frame_rate"), 0) or None

    @property
    def every(self) -> int:
        """Number of frames of which one was measured."""
        said = _number(_part(self.part, "frames").get("every"))
        return int(said) if said >= 1 and said == int(said) else 1

    @property
    def measured_rate(self) -> float | None:
        """Frames per second that were measured."""
        return self.frame_rate / self.every if self.frame_rate else None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, upright."""
        width, height = (int(self.probed(name)) for name in ("width", "height"))
        return (width, height) if width > 0 and height > 0 else None

    @property
    def camera(self) -> tuple[float, float, float, float] | None:
        """The camera that millimetres rest on: fx, fy, cx, cy in pixels of the table; None where none is stated."""
        said = _part(self.file, "camera")
        if not all(_is_number(said.get(name)) for name in CAMERA):
            return None
        fx, fy, cx, cy = (float(said[name]) for name in CAMERA)
        return (fx, fy, cx, cy) if fx > 0 and fy > 0 else None

    @property
    def camera_source(self) -> str:
        """Where the camera's values are from: `guess`, `options` or `exif`; empty where it is not stated."""
        return str(_part(self.file, "camera").get("source", ""))

    @property
    def part(self) -> Mapping[str, Any]:
        """The part of the media that was measured; empty for the whole."""
        return _part(self.file, "part")

    @property
    def preparation(self) -> list[str]:
        """Steps between the upload and the engine, in words."""
        said = self.file.get("preparation")
        return [str(step) for step in said] if isinstance(said, list) else []

    @property
    def is_openface(self) -> bool:
        """Whether OpenFace measured, by the engine's name."""
        return self.engine.get("name") == "OpenFace"

    @property
    def is_lite(self) -> bool:
        """Whether the embedded analyser measured."""
        return self.engine.get("name") == "openface_lite"

    @property
    def citations(self) -> list[Mapping[str, Any]]:
        """Publications behind the engine's models, as the engine states them."""
        said = self.engine.get("citations")
        return [work for work in said if isinstance(work, Mapping)] if isinstance(said, list) else []

    def same_table(self, sha256: str) -> bool | None:
        """Whether the manifest describes the table with this SHA-256; None where it describes none."""
        said = self.csv.get("sha256")
        return None if said is None else bool(said == sha256)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: Any) -> float:
    """Return a number as it is, and 0 for anything else."""
    return value if _is_number(value) else 0


def _texts(part: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in part.items() if isinstance(value, str)}


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}
