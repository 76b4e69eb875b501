"""`python -m benchmarks.service_times`: how long a worker of one engine takes over what, and what it asks of storage.

The model in `benchmarks.simulate` is fed with these: a photo by itself, photos that go through the engine together,
clips, and the time that a job spends beside the engine. `benchmarks/service_times.json` is one such run.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Self

import click
import requests

from benchmarks.media import clip, photos
from benchmarks.outcomes import Outcomes, frozen
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.storage_calls import WARM_UPS, count_jobs, count_rest
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, write_json
from benchmarks.wire import AccessLog
from service.jobs.media_kind import Media
from service.settings import Settings

DEFAULT_FILE = Path(__file__).with_name("service_times.json")
ONE_ENGINE = {"ENGINES": "1"}
CLIPS_S = 2, 8
WITHIN_S = 600.0
BATCH = int(Settings.model_fields["batch_images"].default)
"""Pictures that one engine process measures at most."""
TOGETHER = 32
"""Photos that are asked for together."""


@dataclass(frozen=True)
class ServiceTimes:
    """What a worker of one engine takes, in seconds, and asks of storage.

    Attributes:
        photo_start_s: of an engine process for pictures, before the first one: starting, loading models.
        photo_each_s: for every picture of a batch, with whatever the worker does meanwhile that slows it down.
        video_start_s: the same for a video.
        video_each_s: for every second of a video.
        beside_s: of one job that waits for nothing: claiming, fetching, probing, publishing, settling.
        photo_calls, video_calls: requests to storage for one job, looks into the queue left out.
        photo_blob_writes, video_blob_writes: of these, what is charged as a write of a blob.
        rest_calls_a_minute: of a worker that has nothing to do.
        log_bytes: that web and worker write for one photo; None in files of earlier releases.
        submit_each_s: of web for each job of a whole container, whose messages it sends last; 0 in those files.
        measured: when, on what and with what.
    """

    photo_start_s: float
    photo_each_s: float
    video_start_s: float
    video_each_s: float
    beside_s: float
    photo_calls: float
    photo_blob_writes: float
    video_calls: float
    video_blob_writes: float
    rest_calls_a_minute: float
    measured: dict[str, Any]
    log_bytes: float | None = None
    submit_each_s: float = 0.0

    @classmethod
    def load(cls, file: Path) -> Self:
        """As `main` wrote it."""
        return cls(**json.loads(file.read_text("utf-8"))["times"])

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Ended:
    """A job that has succeeded, by its record and its manifest, in seconds since its record was made."""

    started: float
    finished: float
    engine_s: float


@click.command()
@click.option("--singles", type=click.IntRange(1), default=5, show_default=True, help="Photos one by one, and clips.")
@click.option("--batches", type=click.IntRange(1), default=4, show_default=True, help=f"{TOGETHER} photos each.")
@click.option("--rest-s", type=click.FloatRange(1), default=10.0, show_default=True, help="Seconds of watched rest.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(singles: int, batches: int, rest_s: float, json_file: Path | None) -> None:
    """Measure what the simulation is fed with."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("measuring"), running_site(ONE_ENGINE, access_log=True) as site:
            times = measure_times(site, facts, singles, batches, rest_s)
        for name, value in times.as_dict().items():
            if isinstance(value, float):
                console.print(f"{name:20} {value:8.3f}")
        console.print(LOAD_DISTORTS)
        told = {"benchmark": "service_times", "machine": facts, "note": LOAD_DISTORTS, "times": times.as_dict()}
        write_json(json_file, told)

    run_benchmark(console, measure)


def measure_times(site: Site, facts: dict[str, Any], singles: int, batches: int, rest_s: float) -> ServiceTimes:
    """On a stack with one worker of one engine and with an access log."""
    with scratch_folder() as folder:
        pictures = photos(folder / "photos", max(singles, batches * TOGETHER))
        log = AccessLog(site.stack.azurite.part)
        count_jobs(site, log, "", pictures[:WARM_UPS], "image")
        alone = [done for picture in pictures[:singles] for done in finished(site, [picture], "image")]
        each_s, submit_each_s = _seconds_each(site, pictures[: batches * TOGETHER])
        of_clips = {seconds: _clips(site, folder, seconds, singles) for seconds in CLIPS_S}
        logged = _logged(site)
        photo = count_jobs(site, log, "photo", pictures[:TOGETHER], "image")
        logged = _logged(site) - logged
        video = count_jobs(site, log, "video", [clip(CLIPS_S[0])], "video")
        rest = count_rest(log, rest_s)
    one_photo_s = median(done.engine_s for done in alone)
    # Alone a picture takes start + each, in full batches start / batch + each.
    start_s = max(0.0, (one_photo_s - each_s) / (1 - 1 / BATCH))
    short, long = CLIPS_S
    video_each_s = (of_clips[long] - of_clips[short]) / (long - short)
    return ServiceTimes(
        photo_start_s=start_s,
        photo_each_s=max(0.0, one_photo_s - start_s),
        video_start_s=max(0.0, of_clips[short] - short * video_each_s),
        video_each_s=video_each_s,
        beside_s=median(done.finished - done.started - done.engine_s for done in alone),
        photo_calls=photo.total - photo.by_job.get("get messages", 0.0),
        photo_blob_writes=photo.blob_writes,
        video_calls=video.total - video.by_job.get("get messages", 0.0),
        video_blob_writes=video.blob_writes,
        rest_calls_a_minute=rest.total,
        log_bytes=logged / TOGETHER,
        submit_each_s=submit_each_s,
        measured={**facts, "engine": "openface_lite", "engines": 1, "batch_images": BATCH, "singles": singles},
    )


def _logged(site: Site) -> float:
    """Bytes in the logs of web and worker."""
    return float(sum(part.log_file.stat().st_size for part in (site.stack.web, *site.workers)))


def finished(site: Site, files: Sequence[Path], media: Media) -> list[Ended]:
    """Have them analysed without polling, then read their records."""
    container = site.fill(files)
    outcomes = Outcomes(site.workers)
    ids = site.ask_for_all(container, media)
    outcomes.wait(len(files), WITHIN_S)
    return [ended(site, job_id) for job_id in ids]


def ended(site: Site, job_id: str) -> Ended:
    """A succeeded job's times."""
    url = f"{site.stack.service_url}/jobs/{job_id}"
    times = {
        name: datetime.fromisoformat(time)
        for name, time in requests.get(url, timeout=60).json()["times"].items()
        if time
    }
    manifest = requests.get(f"{url}/manifest.json", timeout=60).json()
    started, done = ((times[name] - times["created"]).total_seconds() for name in ("started", "finished"))
    return Ended(started, done, float(manifest["seconds"]["engine"]))


def _seconds_each(site: Site, files: Sequence[Path]) -> tuple[float, float]:
    """Seconds a picture of a queue that is full of them, and seconds of its submission with the others."""
    worker = site.stack.worker(0)
    with frozen([worker]):
        container = site.fill(files)
        began = time.perf_counter()
        site.ask_for_all(container, "image")
        submit_each_s = (time.perf_counter() - began) / len(files)
        outcomes = Outcomes([worker])
    outcomes.wait(len(files), WITHIN_S)
    if len(files) == TOGETHER:
        return (outcomes.ended_at[-1] - outcomes.ended_at[0]).total_seconds() / TOGETHER, submit_each_s
    # Without the first: before them there is the first download, and the engine has nothing to do.
    took_s = (outcomes.ended_at[-1] - outcomes.ended_at[TOGETHER - 1]).total_seconds()
    return took_s / (len(files) - TOGETHER), submit_each_s


def _clips(site: Site, folder: Path, seconds: int, count: int) -> float:
    """The engine's seconds over a clip."""
    copies = folder / f"clips-{seconds}"
    copies.mkdir()
    found = []
    for number in range(count):
        copy = copies / f"clip-{number}.mp4"
        os.link(clip(seconds), copy)
        found += finished(site, [copy], "video")
    return median(done.engine_s for done in found)


if __name__ == "__main__":
    main()
