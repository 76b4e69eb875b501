"""`python -m benchmarks.search`: time of a search for the nearest faces in galleries of several sizes.

The embeddings are made up: random directions, of the length of real ones. A search is exact, so its time depends on
the number of faces only.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table
from sqlalchemy import insert

from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, verdict, write_json
from service.identity.galleries import Galleries, token
from service.identity.store import Store, default_url, faces, now
from service.identity.vectors import LENGTH, MODEL, THRESHOLD, Embedding

GALLERY = "bench"
TYPICAL_LENGTH = 1.4
"""Euclidean length of a made-up embedding."""
AIM_MS, AIM_FACES = 50.0, 100_000
AT_ONCE = 5_000


@click.command()
@click.option("--faces", "sizes", type=int, multiple=True, default=(1_000, 10_000, 100_000), show_default=True)
@click.option("--searches", type=click.IntRange(3), default=200, show_default=True, help="Of each size.")
@click.option("--database", default="", help="URL of an empty database; default: SQLite in a temporary folder.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(sizes: tuple[int, ...], searches: int, database: str, json_file: Path | None) -> None:
    """Measure searches, and separately the first of a process, which reads all faces from the database."""
    console, facts = new_console(), machine()
    console.print(machine_line(facts))
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(database or default_url(Path(folder)))
        try:
            measured = _sizes(store, sorted(sizes), searches)
        finally:
            store.close()
    table = Table("faces", "first, ms", "median, ms", "99 % within, ms", "after one was enrolled, ms", "median's aim")
    for row in measured:
        aim = f"< {AIM_MS:g} ms: {verdict(row['median_ms'] < AIM_MS)}" if row["faces"] <= AIM_FACES else "-"
        cells = [f"{row[name]:.1f}" for name in ("first_ms", "median_ms", "p99_ms", "after_enrol_ms")]
        table.add_row(f"{row['faces']:,}", *cells, aim)
    console.print(table)
    console.print(LOAD_DISTORTS)
    write_json(json_file, {"machine": facts, "searches": measured})


def _sizes(store: Store, sizes: list[int], searches: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(1)
    with store.changing(GALLERY):
        pass
    enroller = Galleries(store)
    person = enroller.enrol(GALLERY, "made up", "none", None, []).id
    measured = []
    held = 0
    for size in sizes:
        while held < size:
            count = min(AT_ONCE, size - held)
            fill(store, person, made_up(random, count))
            held += count
        measured.append({"faces": size} | _searched(store, random, searches, person))
        held += 1
    return measured


def _searched(store: Store, random: np.random.Generator, searches: int, person: str) -> dict[str, float]:
    galleries = Galleries(store)

    def search_ms() -> float:
        asked = made_up(random, 1)[0]
        began = time.perf_counter()
        galleries.nearest(GALLERY, asked, THRESHOLD, 10)
        return 1000 * (time.perf_counter() - began)

    first = search_ms()
    times = [search_ms() for _ in range(searches)]
    fill(store, person, made_up(random, 1))
    return {
        "first_ms": first,
        "median_ms": statistics.median(times),
        "p99_ms": statistics.quantiles(times, n=100)[98],
        "after_enrol_ms": search_ms(),
    }


def made_up(random: np.random.Generator, count: int) -> Embedding:
    """Random embeddings, as long as real ones."""
    vectors = random.normal(size=(count, LENGTH))
    return np.asarray(TYPICAL_LENGTH * vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def fill(store: Store, person: str, embeddings: Embedding, gallery: str = GALLERY) -> None:
    """Enrol faces as one person's."""
    common = {"gallery": gallery, "person": person, "model": MODEL, "created": now()}
    with store.changing(gallery) as connection:
        connection.execute(insert(faces), [common | {"token": token(), "embedding": each} for each in embeddings])


if __name__ == "__main__":
    main()
