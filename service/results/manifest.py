"""Build the manifest of one attempt: media, engine, duration of each step, completeness, summary.

Pure: values in, a JSON-ready dictionary out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from service.engine.aligned_crops import AlignedFacts
from service.engine.installed import Engine, UnitFacts
from service.engine.run import EngineRun
from service.engine.table import Table
from service.errors import AnalysisError
from service.jobs.job import AnalysisJob
from service.jobs.media_kind import Media
from service.sandbox.preparation import Prepared

SCHEMA = 1
STEPS = ("fetch", "probe", "prepare", "engine", "results", "overlay", "total")
PROBED = (
    "format",
    "codec",
    "width",
    "height",
    "duration_s",
    "frame_rate",
    "frames",
    "rotation",
    "variable_frame_rate",
    "jitter_ms",
    "gaps",
    "longest_gap_s",
    "clock_restarts",
    "clock_jumps",
    "start_s",
    "creation_time",
    "sample_aspect_ratio",
    "track",
    "picture_tracks",
)


@dataclass(frozen=True)
class AttemptFacts:
    """The attempt: its worker and its time.

    Attributes:
        started, finished: UTC, ISO 8601.
    """

    id: str
    number: int
    worker: str
    started: str
    finished: str


@dataclass(frozen=True)
class MediaFacts:
    """The media; None where the attempt ended before the value was known.

    Attributes:
        bytes, sha256, etag, content_type: of the blob as fetched.
        probe: the probe's fields by name; the manifest has those of `PROBED`.
        preparation: steps between the upload and the engine, in words.
        files: names of a sequence's pictures, in the order of the frames; None for a single file.
        camera: the values that the engine assumed, in pixels of the table, and their source.
        part: see `part_facts`.
    """

    bytes: int | None = None
    sha256: str | None = None
    etag: str | None = None
    content_type: str | None = None
    probe: Mapping[str, Any] | None = None
    preparation: Sequence[str] = ()
    files: Sequence[str] | None = None
    camera: Mapping[str, Any] | None = None
    part: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class EngineFacts:
    """The engine and its run.

    Attributes:
        models: SHA-256 by file; without an `engine.json`, of the commands themselves.
        log: of a picture, the engine's log; a video's log is a separate artefact.
        pictures: number of pictures in the same engine process; None for videos.
        au_facts: by action-unit column, what its measure rests on and cannot tell; empty where the engine says nothing.
        model_facts, citations: of the engine's models, as its `engine.json` states them.
        command, argv, exit_code: None where the engine did not run to its end; paths in `argv` are replaced by names,
            and `-f -` means that the picture's path came as a line while the engine ran.
    """

    name: str
    version: str | None
    commit: str | None
    licence_class: str
    models: Mapping[str, str]
    au_support: Mapping[str, str]
    command: str | None = None
    argv: Sequence[str] | None = None
    exit_code: int | None = None
    pictures: int | None = None
    log: str | None = None
    au_facts: Mapping[str, UnitFacts] = field(default_factory=dict)
    model_facts: Sequence[Mapping[str, Any]] = ()
    citations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class FrameFacts:
    """Frames: the number that the media states, and the number decoded during preparation (None: not decoded)."""

    expected: int | None
    decoded: int | None


@dataclass(frozen=True)
class OverlayFacts:
    """The overlay: its name beside the manifest, or the reason why there is none."""

    name: str | None
    reason: str | None


@dataclass(frozen=True)
class FaceIdFacts:
    """How a video's faces were numbered by the people recognised in them.

    Attributes:
        stretches: of frames, in each of which the tracker followed one face.
        changed: those whose number is not that of the tracker's slot.
    """

    stretches: int
    changed: int


@dataclass(frozen=True)
class Completeness:
    """Whether the table covers the whole media, with the reason if not."""

    verdict: Literal["complete", "partial"]
    reason: str | None


def completeness(
    media: Media, expected: int | None, table: Table, *, every_frame_has_rows: bool = True
) -> Completeness:
    """Judge the table of a successful engine run; a truncated one is never complete.

    Args:
        expected: frames that the media states; None where it states none.
        every_frame_has_rows: False for videos with many faces, whose frames without a face have no rows.
    """
    if media == "image":
        return Completeness("complete", None)
    if expected is None:
        return Completeness("partial", "the media does not state its number of frames")
    last = table.last_frame or 0
    if last > expected:
        return Completeness(
            "partial",
            f"the engine read {last} frames where {expected} can be decoded: which row is of which is uncertain",
        )
    if every_frame_has_rows:
        written = table.frames_written or 0
        if written < expected:
            return Completeness("partial", f"{written} of {expected} frames are in the table")
        return Completeness("complete", None)
    if last < expected:
        return Completeness(
            "partial",
            f"the table ends at frame {last} of {expected}: no face after that, or the video was cut short",
        )
    return Completeness("complete", None)


def part_facts(media: Prepared) -> dict[str, Any] | None:
    """Return what was measured of a media item; None for the whole.

    Times are in seconds after the first frame, numbers of frames and pixels those of the upload.
    """
    part, numbers, times = media.part, media.numbers, media.times
    if part.is_whole:
        return None
    frames = {"first": numbers[0], "last": numbers[-1], "every": part.every, "count": len(numbers)} if numbers else None
    times_s = {"first": round(times[0], 6), "last": round(times[-1], 6)} if numbers and times else None
    return {"frames": frames, "times_s": times_s, "region": asdict(part.region) if part.region else None}


def succeeded(
    job: AnalysisJob,
    attempt: AttemptFacts,
    media: MediaFacts,
    engine: EngineFacts,
    seconds: Mapping[str, float],
    frames: FrameFacts,
    table: Table,
    csv_name: str,
    service_version: str,
    overlay: OverlayFacts | None = None,
    aligned: AlignedFacts | None = None,
    face_ids: FaceIdFacts | None = None,
) -> dict[str, Any]:
    """Build the manifest of a published CSV.

    Args:
        seconds: by step (`STEPS`); a step that did not run may be left out.
        csv_name: the blob name under which the table is published, without its folders.
        overlay, aligned: None where the job has none.
        face_ids: None where they are the engine's.
    """
    judged = completeness(
        job.kind,
        frames.expected,
        table,
        every_frame_has_rows=job.options.faces == "one",
    )
    return _every_key(job, attempt, media, engine, seconds, service_version) | {
        "outcome": "succeeded",
        "frames": _frames(job, frames, table),
        "faces": table.faces,
        "completeness": {"verdict": judged.verdict, "reason": judged.reason},
        "csv": {
            "name": csv_name,
            "sha256": table.sha256,
            "bytes": table.bytes,
            "rows": table.rows,
            "columns": table.columns,
        },
        "summary": _means(table, engine.au_support),
        "overlay": {"name": overlay.name, "reason": overlay.reason} if overlay else None,
        "aligned": asdict(aligned) if aligned else None,
        "faces_limit": _faces_limit(job, table),
        "face_ids": asdict(face_ids) if face_ids else None,
    }


def failed(
    job: AnalysisJob,
    attempt: AttemptFacts,
    error: AnalysisError,
    service_version: str,
    media: MediaFacts | None = None,
    engine: EngineFacts | None = None,
    seconds: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Build the manifest of a failed attempt: all keys of the schema, null for unknown values."""
    return _every_key(job, attempt, media or MediaFacts(), engine, seconds or {}, service_version) | {
        "error": {"code": error.code, "message": error.message}
    }


def _every_key(
    job: AnalysisJob,
    attempt: AttemptFacts,
    media: MediaFacts,
    engine: EngineFacts | None,
    seconds: Mapping[str, float],
    service_version: str,
) -> dict[str, Any]:
    """Every key of the schema, in order, with the values of a failure."""
    return {
        "schema": SCHEMA,
        "job": {"id": job.job_id, **job.as_dict()},
        "attempt": {
            "id": attempt.id,
            "number": attempt.number,
            "worker": attempt.worker,
            "started": attempt.started,
            "finished": attempt.finished,
        },
        "outcome": "failed",
        "error": None,
        "media": _media(media),
        "engine": _engine(engine) if engine else None,
        "seconds": {step: _rounded(seconds.get(step), 3) for step in STEPS},
        "frames": None,
        "faces": None,
        "completeness": None,
        "csv": None,
        "summary": None,
        "overlay": None,
        "aligned": None,
        "faces_limit": None,
        "face_ids": None,
        "service_version": service_version,
    }


def _media(media: MediaFacts) -> dict[str, Any]:
    probe = media.probe
    return {
        "bytes": media.bytes,
        "sha256": media.sha256,
        "etag": media.etag,
        "content_type": media.content_type,
        "probe": None if probe is None else {name: probe.get(name) for name in PROBED},
        "files": None if media.files is None else list(media.files),
        "preparation": list(media.preparation),
        "camera": dict(media.camera) if media.camera else None,
        "part": dict(media.part) if media.part else None,
    }


def _engine(engine: EngineFacts) -> dict[str, Any]:
    return {
        "name": engine.name,
        "version": engine.version,
        "commit": engine.commit,
        "licence_class": engine.licence_class,
        "models": dict(engine.models),
        "model_facts": [dict(model) for model in engine.model_facts],
        "citations": [dict(work) for work in engine.citations],
        "au_support": dict(engine.au_support),
        "au_facts": {name: asdict(facts) for name, facts in engine.au_facts.items()},
        "command": engine.command,
        "argv": None if engine.argv is None else list(engine.argv),
        "threads": 1,
        "pictures_in_process": engine.pictures,
        "log": engine.log,
        "exit_code": engine.exit_code,
    }


def _frames(job: AnalysisJob, frames: FrameFacts, table: Table) -> dict[str, int | None] | None:
    if job.media == "image":
        return None
    return {
        "expected": frames.expected,
        "decoded": frames.decoded,
        "written": table.frames_written,
        "success": table.frames_success,
    }


def _faces_limit(job: AnalysisJob, table: Table) -> dict[str, Any] | None:
    """Say whether as many faces were followed at once as the job allows; None where no number is a limit."""
    if job.kind == "image" or job.options.faces == "one":
        return None
    at_most = job.options.faces_at_most
    return {"at_most": at_most, "at_once": table.most_at_once, "reached": table.most_at_once >= at_most}


def engine_facts(engine: Engine, run: EngineRun | None = None) -> EngineFacts:
    """Collect the manifest's facts of an engine and its run, if any."""
    return EngineFacts(
        name=engine.name,
        version=engine.version,
        commit=engine.commit,
        licence_class=engine.licence_class,
        models=engine.models or engine.binary_sha256,
        au_support=engine.au_support,
        command=run.command if run else None,
        argv=run.argv if run else None,
        exit_code=run.finished.returncode if run else None,
        log=run.log_head if run and run.command == "FaceLandmarkImg" else None,
        pictures=run.pictures if run else None,
        au_facts=engine.au_facts,
        model_facts=engine.model_facts,
        citations=engine.citations,
    )


ALL_SUPPORTED = "supported"


def _means(table: Table, au_support: Mapping[str, str]) -> dict[str, Any]:
    """Means over the rows with a face, as the worker has them without reading the table again.

    Columns that were not measured are named and have no mean. `summary.json` of a report has the full statistics.
    """
    measures = table.measures
    units: dict[str, dict[str, Any]] = {}
    for name, intensity in measures.intensities.items():
        units[name] = {
            "mean": _rounded(intensity.mean),
            "sd": _rounded(intensity.sd),
            "max": _rounded(intensity.max),
            "support": au_support.get(name, ALL_SUPPORTED),
        }
    for name, share in measures.presence.items():
        units[name] = {"share_present": _rounded(share), "support": au_support.get(name, ALL_SUPPORTED)}
    pose = measures.head_pose_deg
    return {
        "confidence_mean": _rounded(measures.confidence_mean),
        "success_share": _success_share(table),
        "head_pose_deg": {angle: _rounded(pose.get(angle)) for angle in ("pitch", "yaw", "roll")},
        "action_units": units,
        "not_measured": list(measures.not_measured),
    }


def _success_share(table: Table) -> float | None:
    """Share of the written frames in which the face was tracked; None for pictures and empty tables."""
    if not table.frames_written:
        return None
    return _rounded((table.frames_success or 0) / table.frames_written)


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
