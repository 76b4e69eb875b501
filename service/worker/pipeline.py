"""One media item from blob to published result: fetch ▸ probe ▸ prepare ▸ engine ▸ results ▸ publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from service import __version__, metrics
from service.engine.aligned_crops import ALIGNED, pack_crops
from service.engine.camera import assumed_camera
from service.engine.command import EngineTask, is_followed_at_once
from service.engine.face_ids import FaceIds, number_faces
from service.engine.installed import Engine
from service.engine.output import read_table
from service.engine.placed_table import number_frames, place_table
from service.engine.run import EngineRun
from service.engine.table import Table
from service.errors import AnalysisError, BadJob, BadRequest, MediaError, MediaTooLarge, ReportFailed
from service.jobs.job import AnalysisJob
from service.jobs.result_place import PEOPLE
from service.logs import log
from service.results.manifest import (
    FaceIdFacts,
    FrameFacts,
    MediaFacts,
    OverlayFacts,
    engine_facts,
    failed,
    part_facts,
    succeeded,
)
from service.results.overlay import TYPES, draw_overlay
from service.results.publish import Artefact, commit, publish_artefacts
from service.results.series.layout import CONTENT_TYPE as SERIES_TYPE
from service.results.series.make import make as make_series
from service.sandbox.disk_budget import DiskBudget, DiskShare
from service.sandbox.media import Probe
from service.sandbox.preparation import Prepared, prepare
from service.sandbox.sequences import prepare_sequence, probe_sequence
from service.sandbox.workspace import Workspace
from service.storage.blob_store import Blobs
from service.storage.local_files import sha256_of
from service.worker.attempt_context import AttemptContext, WatchStep
from service.worker.engine_pool import EnginePool, EngineRequest, Steps
from service.worker.limits import MIB, Limits
from service.worker.media_probe import Prober, ProbeRequest
from service.worker.sequence_fetch import fetch_sequence
from service.worker.tile_runs import TiledResult, measure_tiles

FRAMES_A_SECOND = 25.0
"""Frame rate of videos that have none."""


class PeopleRecogniser(Protocol):
    """Recognises people in a result; implemented by `identity.recogniser.Recogniser`."""

    def people(
        self, job: AnalysisJob, media: Prepared, table: Path, room: Path, watch: Callable[[], None]
    ) -> dict[str, Any]:
        """Return the content of `people.json`. Raises AnalysisError."""
        ...

    def remember(self, job: AnalysisJob, people: dict[str, Any], container: str, blob: str) -> None:
        """Store which people a result names. Raises StorageUnavailable."""
        ...

    def redact_deleted(self, job: AnalysisJob, results: Blobs, container: str, blob: str) -> None:
        """Remove people from published results who were deleted meanwhile. Raises StorageUnavailable."""
        ...


@dataclass(frozen=True)
class Pipeline:
    """The parts that every media item passes through.

    Attributes:
        source, results: where media comes from and results go.
        disk: shared by the bytes of the media in hand.
        replacing: overwrite an existing result, as by hand on a folder; jobs of a queue never do.
        recogniser: None where IDENTITY is off.
    """

    source: Blobs
    results: Blobs
    engines: EnginePool
    prober: Prober
    workspace: Workspace
    limits: Limits
    disk: DiskBudget
    replacing: bool = False
    recogniser: PeopleRecogniser | None = None

    @property
    def engine(self) -> Engine:
        """The deployment's own engine."""
        return self.engines.engine

    def engine_of(self, job: AnalysisJob) -> Engine:
        """Return the engine that a job chose. Raises BadRequest."""
        return self.engines.named(job.options.engine)

    def steps(self, attempt: AttemptContext) -> Steps[str]:
        """Analyse and publish; return the id of the attempt whose result stands.

        Raises:
            AnalysisError: see `service.errors`; or what the attempt's `watch` raises.
        """
        with self.disk.share() as share, self.workspace.room() as room:
            return (yield from _MediaRun(self, attempt, room, share).steps())

    def run(self, attempt: AttemptContext) -> str:
        """Do all steps on this thread, the engine's included. Raises AnalysisError."""
        steps = self.steps(attempt)
        try:
            request = next(steps)
            while True:
                try:
                    run = self.engines.run(request)
                except BaseException as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(run)
        except StopIteration as end:
            return str(end.value)

    def close(self) -> None:
        """End the children that stay between items, and the engines' threads."""
        self.prober.close()
        self.engines.close()

    def publish_failure(self, attempt: AttemptContext, error: AnalysisError) -> dict[str, Any]:
        """Publish a manifest that says why there is no result."""
        engine: Engine | None = None
        with suppress(BadRequest):
            engine = self.engine_of(attempt.job)
        manifest = failed(
            attempt.job,
            attempt.facts(),
            error,
            __version__,
            media=attempt.media,
            engine=engine_facts(engine, attempt.run) if engine else None,
            seconds=attempt.seconds_so_far(),
        )
        publish_artefacts(self.results, attempt.place, attempt.attempt_id, manifest)
        return manifest


@dataclass(frozen=True)
class _MediaRun:
    """One attempt in its own folder of the workspace; a method a step."""

    parts: Pipeline
    attempt: AttemptContext
    room: Path
    share: DiskShare

    @property
    def _engine(self) -> Engine:
        return self.parts.engine_of(self.attempt.job)

    def steps(self) -> Steps[str]:
        step = self.attempt.step
        media = self._sequence() if self.attempt.job.media == "sequence" else self._file()
        with step("engine") as watch:
            task = self._task(media)
            if is_followed_at_once(self._engine, task):
                run, tiled = (yield self._request(task, media, watch)), None
            else:
                tiled = yield from self._measure_tiles(task, media, watch)
                run = tiled.run
            self.attempt.run = run
        with step("results") as watch:
            table = self._counted(tiled.table if tiled else self._read(task, media, run), run)
            people, ids = self._people(media, table, watch)
            artefacts = [*people, *self._aligned(media, table, tiled.crops if tiled else (run.crops,), ids)]
            table = self._with_face_ids(table, ids)
        if self.attempt.job.options.overlay:
            with step("overlay") as watch:
                artefacts += self._overlay(task, media, table, watch)
        with step("publish") as watch:
            placed = self._placed(media, table)
            return self._publish(run, placed, [*artefacts, *self._series(media, placed, watch)], watch)

    def _file(self) -> Prepared:
        step = self.attempt.step
        with step("fetch") as watch:
            path = self._fetch(watch)
        with step("probe") as watch:
            probed = self._probe(path, watch)
        with step("prepare") as watch:
            return self._prepare(path, probed, watch)

    def _sequence(self) -> Prepared:
        step, parts = self.attempt.step, self.parts
        with step("fetch") as watch:
            folder = self.room / "fetched"
            place = self.attempt.first_place
            limit = parts.limits.media_bytes
            fetched = fetch_sequence(parts.source, parts.results, place, self.attempt.job, folder, limit, watch)
            self.attempt.media = fetched
        with step("probe") as watch:
            found = probe_sequence(folder, self.room, parts.limits.of_media, lambda: watch(0.0))
            self.attempt.media = replace(self.attempt.media, probe=found.probe.as_dict())
        with step("prepare") as watch:
            part, limits = self.attempt.job.options.part, parts.limits.of_media
            return self._prepared(prepare_sequence(folder, found, self.room, limits, lambda: watch(0.0), part))

    def _fetch(self, watch: WatchStep) -> Path:
        job, path = self.attempt.job, self.room / "fetched"
        limit = self.parts.limits.bytes_of(job.kind)

        def on_bytes(done: int, total: int) -> None:
            if total > limit:
                raise MediaTooLarge(f"{total:,} bytes; the limit is {limit // MIB:,} MiB")
            self.share.take(total, lambda: watch(0.0))
            watch(done / max(total, 1))

        blob = self.parts.source.download(job.container, job.blob, job.etag, path, on_bytes)
        sha256 = sha256_of(path)
        self.attempt.media = MediaFacts(bytes=blob.size, sha256=sha256, etag=job.etag, content_type=blob.content_type)
        return path

    def _probe(self, path: Path, watch: WatchStep) -> Probe:
        request = ProbeRequest(path, self.attempt.job.kind, self.room)
        probed = self.parts.prober.probe(request, lambda: watch(0.0), alone=self.attempt.runs_alone)
        self.attempt.media = replace(self.attempt.media, probe=probed.as_dict())
        return probed

    def _prepare(self, path: Path, probed: Probe, watch: WatchStep) -> Prepared:
        turns = self._engine.turns_videos
        limits, part = self.parts.limits.of_media, self.attempt.job.options.part
        prepared = prepare(path, probed, self.room, limits, lambda: watch(0.0), engine_turns=turns, part=part)
        # The prepared file is a link to it, or stands in its place.
        path.unlink()
        return self._prepared(prepared)

    def _prepared(self, prepared: Prepared) -> Prepared:
        self.attempt.media = replace(
            self.attempt.media,
            probe=prepared.probe.as_dict(),
            preparation=prepared.steps,
            part=part_facts(prepared),
        )
        self.attempt.frames = FrameFacts(expected=prepared.frames_expected, decoded=prepared.frames_decoded)
        return prepared

    def _task(self, media: Prepared) -> EngineTask:
        """Choose the camera. Raises OptionDoesNotFit."""
        assumed = assumed_camera(self.attempt.job.options, media)
        self.attempt.media = replace(self.attempt.media, camera=assumed.as_dict())
        return EngineTask.of(self.attempt.job, assumed.for_engine(media))

    def _request(self, task: EngineTask, media: Prepared, watch: WatchStep) -> EngineRequest:
        job, limits = self.attempt.job, self.parts.limits.of_engine(_duration_s(media))
        alone = self.attempt.runs_alone or job.kind == "video"
        return EngineRequest(task, media, self.room, limits, job.job_id, watch, alone)

    def _read(self, task: EngineTask, media: Prepared, run: EngineRun) -> Table:
        """Read the table, whose frames and coordinates are those of the prepared media."""
        table = read_table(task, run, self.room / "table.csv", media.times)
        # The table in its place is its copy.
        (run.out_dir / f"{run.stem}.csv").unlink(missing_ok=True)
        return table

    def _measure_tiles(self, task: EngineTask, media: Prepared, watch: WatchStep) -> Steps[TiledResult]:
        """Measure more faces than the engine follows."""
        tiled = yield from measure_tiles(
            self._request(task, media, watch), self.parts.prober, self.parts.limits.of_media
        )
        self.attempt.media = replace(self.attempt.media, preparation=(*self.attempt.media.preparation, tiled.step))
        return tiled

    def _counted(self, table: Table, run: EngineRun) -> Table:
        metrics.table_measured(table.faces, table.frames_written, table.frames_success, run.finished.seconds)
        return table

    def _placed(self, media: Prepared, table: Table) -> Table:
        """Return the table in the frames and coordinates of the upload."""
        if media.part.is_whole:
            return table
        return place_table(table, self.attempt.job.kind, media, self.room / "placed.csv")

    def _series(self, media: Prepared, table: Table, watch: WatchStep) -> list[Artefact]:
        """Make what a video's page draws from; without it the first visit makes it."""
        # Results in a folder have no page.
        if self.attempt.job.media != "video" or self.parts.replacing:
            return []
        camera = self.attempt.media.camera or {}
        stated = [float(camera[name]) for name in ("fx", "fy", "cx", "cy") if name in camera]
        size = media.probe.width, media.probe.height
        folder, memory_bytes = self.room / "series", self.parts.limits.of_media.memory_bytes
        folder.mkdir()
        try:
            path = make_series(table.path, *size, folder, lambda: watch(0.0), memory_bytes, camera=stated or None)
        except ReportFailed as error:
            log.warning("job.no_series", error=error.message)
            return []
        return [Artefact(path.name, path, SERIES_TYPE)]

    def _people(self, media: Prepared, table: Table, watch: WatchStep) -> tuple[Sequence[Artefact], FaceIds | None]:
        """Match people, for jobs that name a gallery; videos' faces keep their numbers over cuts then.

        Raises:
            BadJob: IDENTITY is off in this worker.
        """
        attempt, recogniser = self.attempt, self.parts.recogniser
        if not attempt.job.options.gallery:
            return (), None
        if recogniser is None:
            raise BadJob("the job names a gallery, and IDENTITY is not on in this worker")
        people = recogniser.people(attempt.job, media, table.path, self.room, lambda: watch(0.0))
        ids = FaceIds(people["tracks"], table.last_face_id + 1) if attempt.job.kind == "video" else None
        if ids:
            ids.put_into(people["tracks"])
            self.attempt.face_ids = FaceIdFacts(len(ids.stretches), ids.changed)
        if media.numbers is not None:
            number_frames(people, media.numbers)
        recogniser.remember(
            attempt.job, people, attempt.place.container, attempt.place.artefact(attempt.attempt_id, PEOPLE)
        )
        text = json.dumps(people, indent=2, ensure_ascii=False, allow_nan=False).encode()
        return [Artefact(PEOPLE, text, "application/json")], ids

    def _with_face_ids(self, table: Table, ids: FaceIds | None) -> Table:
        return number_faces(table, ids, self.room / "numbered.csv") if ids and ids.changed else table

    def _aligned(self, media: Prepared, table: Table, folders: Sequence[Path], ids: FaceIds | None) -> list[Artefact]:
        """Pack the aligned crops, for jobs that ask for them."""
        if not self.attempt.job.options.aligned:
            return []
        path = self.room / ALIGNED
        self.attempt.aligned = pack_crops(
            self.attempt.job.kind, folders, table.path, media.numbers, path, ids.of if ids else None
        )
        return [Artefact(ALIGNED, path, "application/zip")]

    def _overlay(self, task: EngineTask, media: Prepared, table: Table, watch: WatchStep) -> list[Artefact]:
        """Draw the overlay; without it the numbers are published all the same."""
        kind, support, limits = self.attempt.job.kind, self._engine.au_support, self.parts.limits.of_media
        try:
            path = draw_overlay(kind, media, table.path, support, self.room, limits, lambda: watch(0.0), task.camera)
        except MediaError as error:
            log.warning("job.no_overlay", error_code=error.code, error=error.message)
            self.attempt.overlay = OverlayFacts(None, error.message)
            return []
        self.attempt.overlay = OverlayFacts(path.name, None)
        return [Artefact(path.name, path, TYPES[kind])]

    def _publish(self, run: EngineRun, table: Table, artefacts: Sequence[Artefact], watch: WatchStep) -> str:
        attempt, results = self.attempt, self.parts.results
        manifest = self._manifest(run, table)
        # A picture is two blobs, whose writing is most of its cost: its short log goes into the manifest.
        if attempt.job.kind == "video":
            artefacts = [*artefacts, Artefact("engine.log", run.log, "text/plain")]
        publish_artefacts(results, attempt.place, attempt.attempt_id, manifest, artefacts)
        if attempt.job.options.gallery and self.parts.recogniser:
            blob = attempt.place.artefact(attempt.attempt_id, PEOPLE)
            self.parts.recogniser.redact_deleted(attempt.job, results, attempt.place.container, blob)
        # The last check of the lease before the result becomes visible.
        watch(0.5)
        published = commit(
            results,
            attempt.place,
            attempt.attempt_id,
            table.path,
            table.sha256,
            replacing=self.parts.replacing,
        )
        log.info(
            "job.published",
            results_container=attempt.place.container,
            csv=attempt.place.csv,
            attempt_id=published,
        )
        return published

    def _manifest(self, run: EngineRun, table: Table) -> dict[str, Any]:
        attempt = self.attempt
        return succeeded(
            attempt.job,
            attempt.facts(),
            attempt.media,
            engine_facts(self._engine, run),
            attempt.seconds_so_far(),
            attempt.frames,
            table,
            f"{attempt.place.stem}.csv",
            __version__,
            overlay=attempt.overlay,
            aligned=attempt.aligned,
            face_ids=attempt.face_ids,
        )


def _duration_s(media: Prepared) -> float:
    """Return the duration by which the engine's time is limited; a sequence has as many frames as a video."""
    frames = media.frames_expected if media.probe.media == "video" else 0
    return media.duration_s or frames / FRAMES_A_SECOND
