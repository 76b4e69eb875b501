"""Measure a video with more faces than the engine follows: one run a tile, joined to one table."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from service.engine.camera import Camera
from service.engine.output import read_table
from service.engine.placed_table import place_table
from service.engine.run import EngineRun
from service.engine.table import Table
from service.engine.tiles import grid, join_tables
from service.jobs.part import Part, Region
from service.sandbox.media import MediaLimits
from service.sandbox.preparation import prepare
from service.worker.engine_pool import EngineRequest, Steps
from service.worker.media_probe import Prober, ProbeRequest


@dataclass(frozen=True)
class TiledResult:
    """The joined table and its runs.

    Attributes:
        run: the first tile's run, with the seconds and the log of all.
        crops: folder of aligned crops of each tile; it exists only where crops were asked for.
        step: what was done, in words.
    """

    table: Table
    run: EngineRun
    crops: tuple[Path, ...]
    step: str


def measure_tiles(whole: EngineRequest, prober: Prober, limits: MediaLimits) -> Steps[TiledResult]:
    """Measure a prepared video tile by tile; the table is in its frames and coordinates.

    Args:
        whole: the request for the video as a whole; yields one a tile in its place.

    Raises:
        AnalysisError: as one run, of any tile.
    """
    task, media, folder = whole.task, whole.media, whole.room / "tiles"
    folder.mkdir()
    found = prober.probe(ProbeRequest(media.path, "video", folder), whole.check, alone=True)
    tiles = grid(task.options.faces_at_most, found.width, found.height)
    camera = task.camera or Camera.for_size(found.width, found.height)
    runs, tables = [], []
    for number, region in enumerate(tiles):
        room = folder / f"{number:02}"
        room.mkdir()
        prepared = prepare(media.path, found, room, limits, whole.check, part=Part(region=region))
        of_tile = replace(task, camera=camera.moved(region.x, region.y))
        watch = partial(_watch_tile, whole.watch, number, len(tiles))
        run = yield replace(whole, task=of_tile, media=prepared, room=room, watch=watch)
        table = read_table(of_tile, run, room / "table.csv", media.times)
        tables.append(place_table(table, "video", prepared, room / "placed.csv").path)
        runs.append(run)
        shutil.rmtree(room / "prepare")
    joined = join_tables(tables, whole.room / "table.csv")
    return TiledResult(joined, _one_run(runs, whole.room), tuple(run.crops for run in runs), _step(tiles))


def _watch_tile(watch: Callable[[float], None], number: int, tiles: int, share: float) -> None:
    watch((number + share) / tiles)


def _one_run(runs: Sequence[EngineRun], room: Path) -> EngineRun:
    log = room / "openface.log"
    with log.open("wb") as file:
        for run in runs:
            file.write(run.log.read_bytes())
    seconds = sum(run.finished.seconds for run in runs)
    return replace(runs[0], log=log, finished=replace(runs[0].finished, seconds=seconds))


def _step(tiles: Sequence[Region]) -> str:
    across = len({tile.x for tile in tiles})
    return f"split into {across} × {len(tiles) // across} tiles, each measured by a run of the engine"
