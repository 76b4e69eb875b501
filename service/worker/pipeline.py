"""One media item from blob to published result: fetch ▸ probe ▸ prepare ▸ engine ▸ results ▸ publish."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from service import __version__, metrics, tracing
from service.engine.installed import Engine
from service.engine.run import EngineRun, read_table
from service.engine.table import Table
from service.errors import AnalysisError, BadJob, MediaError, MediaTooLarge
from service.jobs.job import AnalysisJob
from service.jobs.result_place import PEOPLE, ResultPlace
from service.logs import log
from service.results.manifest import AttemptFacts, FrameFacts, MediaFacts, OverlayFacts, engine_facts, failed, succeeded
from service.results.overlay import TYPES, draw_overlay
from service.results.publish import Artefact, commit, publish_artefacts
from service.sandbox.media import MediaLimits, Prepared, Probe, prepare
from service.sandbox.process import ChildLimits
from service.sandbox.workspace import Workspace
from service.settings import Settings
from service.storage.blob_store import Blobs
from service.worker.engine_pool import EnginePool, EngineRequest
from service.worker.media_probe import Prober, ProbeRequest


class PeopleRecogniser(Protocol):
    """Implemented by `recogniser.Recogniser`."""

    def people(
        self, job: AnalysisJob, media: Prepared, table: Path, room: Path, watch: Callable[[], None]
    ) -> dict[str, Any]:
        """Who is in an analysis; raises AnalysisError."""
        ...

    def remember(self, job: AnalysisJob, told: dict[str, Any], container: str, blob: str) -> None:
        """Which people a result names; raises StorageUnavailable."""
        ...


Watch = Callable[[str, float], None]
"""Told the stage and the progress (0 to 1) many times a second; raises to stop the work."""

WatchStep = Callable[[float], None]
"""The same within one step."""

SHARES = {
    "fetch": 0.08,
    "probe": 0.02,
    "prepare": 0.10,
    "engine": 0.67,
    "results": 0.02,
    "overlay": 0.08,
    "publish": 0.03,
}
"""How much of the whole progress each step is; the engine takes most of the time."""

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one media item may take."""

    media_bytes: int
    pixels: int
    duration_s: float
    engine_s: float
    engine_s_per_media_s: float
    memory_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(
            media_bytes=settings.max_media_mb * MIB,
            pixels=int(settings.max_megapixels * 1_000_000),
            duration_s=settings.max_duration_s,
            engine_s=settings.engine_time_limit_s,
            engine_s_per_media_s=settings.engine_time_limit_per_media_s,
            memory_bytes=settings.engine_memory_mb * MIB,
        )

    @property
    def of_media(self) -> MediaLimits:
        return MediaLimits(max_pixels=self.pixels, max_duration_s=self.duration_s, file_bytes=4 * self.media_bytes)

    def of_engine(self, duration_s: float) -> ChildLimits:
        """Limits of an engine run on media of so many seconds, 0 for a picture."""
        time_s = self.engine_s + self.engine_s_per_media_s * duration_s
        return ChildLimits(time_s=time_s, memory_bytes=self.memory_bytes, file_bytes=4 * self.media_bytes)


@dataclass(frozen=True)
class AttemptInfo:
    """One try at a job; `id` names the folder of its artefacts, empty for none of its own."""

    id: str
    number: int
    worker: str


@dataclass
class Findings:
    """What is known so far; a failure's manifest tells as much of it as was reached."""

    attempt: AttemptInfo
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    media: MediaFacts = field(default_factory=MediaFacts)
    frames: FrameFacts = field(default_factory=lambda: FrameFacts(expected=None, decoded=None))
    overlay: OverlayFacts | None = None
    run: EngineRun | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def attempt_facts(self) -> AttemptFacts:
        finished = datetime.now(UTC).isoformat(timespec="milliseconds")
        return AttemptFacts(
            started=self.started.isoformat(timespec="milliseconds"), finished=finished, **asdict(self.attempt)
        )

    def seconds_so_far(self) -> dict[str, float]:
        return {**self.seconds, "total": (datetime.now(UTC) - self.started).total_seconds()}


@dataclass(frozen=True)
class Pipeline:
    """The way of one media item.

    Attributes:
        source, results: where media comes from and results go.
        replacing: overwrite a result that is there, as by hand on a folder; jobs of a queue never do.
        recogniser: where IDENTITY is on.
    """

    source: Blobs
    results: Blobs
    engines: EnginePool
    prober: Prober
    workspace: Workspace
    limits: Limits
    replacing: bool = False
    recogniser: PeopleRecogniser | None = None

    @property
    def engine(self) -> Engine:
        """What measures."""
        return self.engines.engine

    def run(self, job: AnalysisJob, place: ResultPlace, findings: Findings, watch: Watch) -> str:
        """Analyse and publish; returns the attempt whose result stands.

        Raises:
            AnalysisError: as `service.errors` lists them, or what `watch` raises.
        """
        step = _Steps(findings, watch)
        with self.workspace.room() as room:
            with step("fetch") as watch_step:
                path = self._fetch(job, room, findings, watch_step)
            with step("probe") as watch_step:
                found = self._probe(job, path, room, findings, watch_step)
            with step("prepare") as watch_step:
                prepared = self._prepare(path, found, room, findings, watch_step)
            with step("engine") as watch_step:
                limits = self.limits.of_engine(prepared.duration_s or 0.0)
                # An item that comes again may have brought its worker down.
                alone = findings.attempt.number > 1
                findings.run = run = self.engines.run(
                    EngineRequest(job, prepared, room, limits), watch_step, alone=alone
                )
            with step("results") as watch_step:
                table = read_table(job, run, room / "table.csv")
                metrics.table_measured(table.faces, table.frames_written, table.frames_success, run.finished.seconds)
                artefacts = self._people(job, place, prepared, table, room, findings, watch_step)
            if job.options.overlay:
                with step("overlay") as watch_step:
                    artefacts += self._overlay(job, prepared, table, room, findings, watch_step)
            with step("publish") as watch_step:
                manifest = self._manifest(job, place, run, table, findings)
                # A picture is two blobs, whose writing is most of what it costs: its few words go into the manifest.
                if job.media == "video":
                    artefacts.append(Artefact("engine.log", run.log, "text/plain"))
                return self._publish(place, artefacts, table, manifest, findings, watch_step)

    def close(self) -> None:
        """Let the children go that stay between items."""
        self.prober.close()

    def publish_failure(
        self, job: AnalysisJob, place: ResultPlace, findings: Findings, error: AnalysisError
    ) -> dict[str, Any]:
        """Say in a manifest why there is no result."""
        manifest = failed(
            job,
            findings.attempt_facts(),
            error,
            __version__,
            media=findings.media,
            engine=engine_facts(self.engine, findings.run),
            seconds=findings.seconds_so_far(),
        )
        publish_artefacts(self.results, place, findings.attempt.id, manifest)
        return manifest

    def _fetch(self, job: AnalysisJob, room: Path, findings: Findings, watch: WatchStep) -> Path:
        path = room / "fetched"

        def on_bytes(done: int, total: int) -> None:
            if total > self.limits.media_bytes:
                raise MediaTooLarge(f"{total:,} bytes; the limit is {self.limits.media_bytes // MIB:,} MiB")
            watch(done / max(total, 1))

        blob = self.source.download(job.container, job.blob, job.etag, path, on_bytes)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        findings.media = MediaFacts(bytes=blob.size, sha256=sha256, etag=job.etag, content_type=blob.content_type)
        return path

    def _probe(self, job: AnalysisJob, path: Path, room: Path, findings: Findings, watch: WatchStep) -> Probe:
        alone = findings.attempt.number > 1
        found = self.prober.look(ProbeRequest(path, job.media, room), lambda: watch(0.0), alone=alone)
        findings.media = replace(findings.media, probe=found.as_dict())
        return found

    def _prepare(self, path: Path, found: Probe, room: Path, findings: Findings, watch: WatchStep) -> Prepared:
        prepared = prepare(path, found, room, self.limits.of_media, lambda: watch(0.0))
        findings.media = replace(findings.media, preparation=prepared.steps)
        findings.frames = FrameFacts(expected=prepared.frames_expected, decoded=prepared.frames_decoded)
        return prepared

    def _people(
        self,
        job: AnalysisJob,
        place: ResultPlace,
        prepared: Prepared,
        table: Table,
        room: Path,
        findings: Findings,
        watch: WatchStep,
    ) -> list[Artefact]:
        """Who was matched, for jobs that name a gallery. Raises BadJob where this worker cannot tell."""
        if not job.options.gallery:
            return []
        if self.recogniser is None:
            raise BadJob("the job names a gallery, and IDENTITY is not on in this worker")
        people = self.recogniser.people(job, prepared, table.path, room, lambda: watch(0.0))
        self.recogniser.remember(job, people, place.container, place.artefact(findings.attempt.id, PEOPLE))
        text = json.dumps(people, indent=2, ensure_ascii=False, allow_nan=False).encode()
        return [Artefact(PEOPLE, text, "application/json")]

    def _overlay(
        self, job: AnalysisJob, prepared: Prepared, table: Table, room: Path, findings: Findings, watch: WatchStep
    ) -> list[Artefact]:
        """The drawn copy; numbers are not withheld where it cannot be drawn."""
        support, limits = self.engine.au_support, self.limits.of_media
        try:
            path = draw_overlay(job.media, prepared, table.path, support, room, limits, lambda: watch(0.0))
        except MediaError as error:
            log.warning("job.no_overlay", error_code=error.code, error=error.message)
            findings.overlay = OverlayFacts(None, error.message)
            return []
        findings.overlay = OverlayFacts(path.name, None)
        return [Artefact(path.name, path, TYPES[job.media])]

    def _manifest(
        self, job: AnalysisJob, place: ResultPlace, run: EngineRun, table: Table, findings: Findings
    ) -> dict[str, Any]:
        return succeeded(
            job,
            findings.attempt_facts(),
            findings.media,
            engine_facts(self.engine, run),
            findings.seconds_so_far(),
            findings.frames,
            table,
            f"{place.stem}.csv",
            __version__,
            overlay=findings.overlay,
        )

    def _publish(
        self,
        place: ResultPlace,
        artefacts: Sequence[Artefact],
        table: Table,
        manifest: dict[str, Any],
        findings: Findings,
        watch: WatchStep,
    ) -> str:
        attempt_id = findings.attempt.id
        publish_artefacts(self.results, place, attempt_id, manifest, artefacts)
        # The last look at the lease before the result becomes visible.
        watch(0.5)
        published = commit(self.results, place, attempt_id, table.path, table.sha256, replacing=self.replacing)
        log.info("job.published", results_container=place.container, csv=place.csv, attempt_id=published)
        return published


class _Steps:
    """Times each step, and turns progress within it into progress of the whole."""

    def __init__(self, findings: Findings, watch: Watch) -> None:
        self._findings = findings
        self._watch = watch

    @contextmanager
    def __call__(self, name: str) -> Iterator[WatchStep]:
        steps = list(SHARES)
        before = sum(SHARES[step] for step in steps[: steps.index(name)])

        def watch_step(fraction: float) -> None:
            self._watch(name, before + SHARES[name] * min(max(fraction, 0.0), 1.0))

        began = time.monotonic()
        watch_step(0.0)
        try:
            with tracing.span(name):
                yield watch_step
        finally:
            seconds = self._findings.seconds[name] = time.monotonic() - began
            metrics.stage_ended(name, seconds)
            log.info("job.step", step=name, duration_s=round(seconds, 3))
