"""Find the media files under the paths of a command line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.jobs.media_kind import kind_of
from service.jobs.options import Media


@dataclass(frozen=True)
class Found:
    """A file to be analysed; `media` is None where its name is not one of a picture or video."""

    path: Path
    name: str
    media: Media | None


def find_media(inputs: Sequence[Path]) -> tuple[Path, list[Found]]:
    """List the media files of the given files and folders (recursively), and their common root.

    Names are relative to the root, so that equal file names from different folders stay apart.
    """
    paths = [path.resolve() for path in inputs]
    root = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in paths]))
    found: dict[Path, Found] = {}
    for path in paths:
        for file in _files(path):
            media = kind_of(file.name, None)
            if media or not path.is_dir():
                found.setdefault(file, Found(file, file.relative_to(root).as_posix(), media))
    return root, list(found.values())


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file())
    else:
        yield path
