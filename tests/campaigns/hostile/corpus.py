"""`python -m tests.campaigns.hostile.corpus <seed> <folder> <canary file> <port>`: hostile media, made in code.

Separate from the run, which would otherwise count the memory that the making takes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

from tests.campaigns.hostile import hostile_pictures as pictures
from tests.campaigns.hostile import hostile_videos as videos
from tests.campaigns.hostile import manifests
from tests.campaigns.hostile.damage import Made

Kind = Callable[[Random], Iterator[Made]]


def kinds(canary: str, port: int) -> dict[str, Kind]:
    """Every kind of hostile media by its name; those that name others name the canary and the port."""
    made: tuple[Kind, ...] = (
        pictures.picture_bit_flips,
        pictures.picture_truncations,
        pictures.picture_swapped_headers,
        pictures.picture_lying_dimensions,
        pictures.picture_liars,
        pictures.picture_bombs,
        pictures.picture_forms,
        pictures.picture_orientations,
        pictures.picture_sizes,
        pictures.swapped_names,
        pictures.polyglots,
        pictures.other_formats,
        pictures.nothing_at_all,
        videos.video_bit_flips,
        videos.video_truncations,
        videos.mp4_boxes,
        videos.strange_clocks,
        videos.rotation_flags,
        videos.no_pictures,
        videos.video_sizes,
        videos.frame_claims,
    )
    aimed: dict[str, Kind] = {
        "playlists": partial(manifests.playlists, file=canary, port=port),
        "playlists before videos": partial(manifests.playlists_before_videos, file=canary, port=port),
        "references": partial(manifests.references, file=canary, port=port),
        "hostile names": partial(manifests.hostile_names, file=canary),
    }
    return {kind.__name__.replace("_", " "): kind for kind in made} | aimed


def write(seed: int, folder: Path, canary: str, port: int, at_most: int | None = None) -> int:
    """Write the corpus as `<folder>/<kind>/<number>/<name>`; returns how many. The same seed makes the same files."""
    count = 0
    for name, kind in kinds(canary, port).items():
        # Each kind has a beginning of its own, so that one that changes leaves the others as they were.
        samples = list(islice(kind(Random(f"{seed} {name}")), at_most))
        for number, (file, content) in enumerate(samples):
            place = folder / name / f"{number:03}"
            place.mkdir(parents=True)
            (place / file).write_bytes(content)
        count += len(samples)
    return count


if __name__ == "__main__":
    print(write(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), *map(int, sys.argv[5:])))
