"""Find the media files under the paths of a command line, and say of every other file why it is left out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.jobs.media_kind import JobMedia, Media, is_apple_double, kind_of

APPLE_DOUBLE = b"\x00\x05\x16\x07"
"""First bytes of the companions that macOS writes beside files, whatever they are called."""
MANIFEST = "manifest.json"
"""A folder that holds one is a result."""

NO_MEDIA = "not known as a picture or a video by its extension"
MISSING = "a link to a file that is not here (of git-annex or DataLad: get it first)"
COMPANION = "a companion file of macOS, without a picture"
ENCODING = "its name is not UTF-8"
NO_FOLDER = "no folder; a sequence is one"
NO_PICTURES = "a folder without pictures directly in it"


@dataclass(frozen=True)
class Found:
    """A file, or a folder of a sequence, to be analysed; `media` is None where its name is not one of media."""

    path: Path
    name: str
    media: JobMedia | None


@dataclass(frozen=True)
class PassedOver:
    """A file that is left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Search:
    """What the paths of a command line hold.

    Attributes:
        root: folder above all files.
        files: the media; a file that was named itself is among them even if its name is not one of media.
        passed_over: other files, and why they are left out.
    """

    root: Path
    files: list[Found] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)


def find_media(inputs: Sequence[Path], leave_out: Collection[Path] = ()) -> Search:
    """List the media files of the given files and folders (recursively).

    Names are relative to the root, so that equal file names from different folders stay apart. Links keep their own
    names. Hidden folders, results, and what `leave_out` names are not searched.
    """
    paths = [_absolute(path) for path in inputs]
    root = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in paths]))
    search = Search(root)
    seen: set[Path] = set()
    for path in paths:
        for file in _files(path, {_absolute(other) for other in leave_out}):
            if file not in seen:
                seen.add(file)
                _sort(search, file, named_itself=file == path)
    return search


def find_sequences(inputs: Sequence[Path]) -> Search:
    """List folders as sequences of the pictures that lie directly in them; what has none is passed over."""
    paths = [_absolute(path) for path in inputs]
    root = Path(os.path.commonpath([path.parent for path in paths]))
    search = Search(root)
    for path in dict.fromkeys(paths):
        name = path.relative_to(root).as_posix()
        if not path.is_dir():
            search.passed_over.append(PassedOver(name, NO_FOLDER))
        elif not pictures_in(path):
            search.passed_over.append(PassedOver(name, NO_PICTURES))
        else:
            search.files.append(Found(path, name, "sequence"))
    return search


def pictures_in(folder: Path) -> list[Path]:
    """List the pictures that lie directly in a folder."""
    return [file for file in sorted(folder.iterdir()) if file.is_file() and kind_of(file.name) == "image"]


def _absolute(path: Path) -> Path:
    # Not resolved: git-annex keeps content under names that say nothing, behind links that say all.
    return Path(os.path.abspath(path))  # noqa: PTH100


def _sort(search: Search, file: Path, *, named_itself: bool) -> None:
    name = file.relative_to(search.root).as_posix()
    media = kind_of(file.name, None)
    reason = _reason(file, media)
    if not reason or (reason == NO_MEDIA and named_itself):
        search.files.append(Found(file, name, media))
    else:
        # A name of another encoding is shown with what of it can be.
        shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        search.passed_over.append(PassedOver(shown, reason))


def _reason(file: Path, media: Media | None) -> str:
    """Why the file is left out; empty where it is not."""
    if not _is_utf8(file.name):
        return ENCODING
    if is_apple_double(file.name):
        return COMPANION
    if media is None:
        return NO_MEDIA
    if not file.is_file():
        return MISSING
    try:
        with file.open("rb") as content:
            return COMPANION if content.read(len(APPLE_DOUBLE)) == APPLE_DOUBLE else ""
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _files(path: Path, leave_out: set[Path]) -> Iterator[Path]:
    """Yield a file itself, or those below a folder in the order of their names."""
    if not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        below = Path(folder)
        folders[:] = sorted(name for name in folders if not _is_left_out(below / name, leave_out))
        for name in sorted(files):
            if (below / name not in leave_out and not name.startswith(".")) or is_apple_double(name):
                yield below / name


def _is_left_out(folder: Path, leave_out: set[Path]) -> bool:
    return folder.name.startswith(".") or folder in leave_out or (folder / MANIFEST).is_file()
