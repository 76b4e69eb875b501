"""The files under the paths of a command line: media is found, the rest is left out with a reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from service.jobs.media_files import (
    COMPANION,
    ENCODING,
    MISSING,
    NO_FOLDER,
    NO_MEDIA,
    NO_PICTURES,
    find_media,
    find_sequences,
    pictures_in,
)


def _file(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _names(folder: Path, *leave_out: Path) -> list[str]:
    return [file.name for file in find_media([folder], leave_out).files]


def test_folders_are_searched_and_the_rest_is_named(tmp_path: Path) -> None:
    for name in ("b.mp4", "a/b/c.JPG", "a/photo.heic", "notes.txt"):
        _file(tmp_path / name)
    search = find_media([tmp_path])
    assert [(file.name, file.media) for file in search.files] == [
        ("b.mp4", "video"),
        ("a/photo.heic", "image"),
        ("a/b/c.JPG", "image"),
    ]
    assert [(file.name, file.reason) for file in search.passed_over] == [("notes.txt", NO_MEDIA)]


def test_a_file_that_is_named_itself_is_there_whatever_its_name(tmp_path: Path) -> None:
    assert [file.media for file in find_media([_file(tmp_path / "a.txt"), _file(tmp_path / "b.jpg")]).files] == [
        None,
        "image",
    ]


def test_a_file_that_is_named_twice_is_there_once(tmp_path: Path) -> None:
    photo = _file(tmp_path / "a.jpg")
    assert [file.name for file in find_media([photo, tmp_path, photo]).files] == ["a.jpg"]


def test_results_the_output_folder_and_hidden_folders_are_not_searched(tmp_path: Path) -> None:
    for name in ("a.jpg", ".git/b.jpg", ".hidden.jpg", "out/c.jpg", "results/a.jpg/overlay.jpg", "deep/out/d.jpg"):
        _file(tmp_path / name)
    _file(tmp_path / "results" / "a.jpg" / "manifest.json")
    assert _names(tmp_path, tmp_path / "out") == ["a.jpg", "deep/out/d.jpg"]


def test_companion_files_of_macos_are_left_out(tmp_path: Path) -> None:
    _file(tmp_path / "photo.jpg")
    _file(tmp_path / "._photo.jpg")
    _file(tmp_path / "renamed.jpg", b"\x00\x05\x16\x07\x00\x02\x00\x00" + bytes(80))
    search = find_media([tmp_path])
    assert [file.name for file in search.files] == ["photo.jpg"]
    assert {file.name: file.reason for file in search.passed_over} == {
        "._photo.jpg": COMPANION,
        "renamed.jpg": COMPANION,
    }


def test_links_of_git_annex_keep_their_own_names(tmp_path: Path) -> None:
    content = _file(tmp_path / "annex" / "objects" / "SHA256E-s1--abc.jpg")
    data = tmp_path / "data"
    data.mkdir()
    (data / "anna.jpg").symlink_to(os.path.relpath(content, data))
    (data / "bert.jpg").symlink_to("../annex/objects/not-here.jpg")
    search = find_media([data])
    assert [(file.name, file.path) for file in search.files] == [("anna.jpg", data / "anna.jpg")]
    assert [(file.name, file.reason) for file in search.passed_over] == [("bert.jpg", MISSING)]
    assert [file.name for file in find_media([data / "anna.jpg"]).files] == ["anna.jpg"]


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are UTF-8 here")
def test_a_name_of_another_encoding_ends_nothing(tmp_path: Path) -> None:
    _file(tmp_path / "a.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller.jpg")).write_bytes(b"x")
    search = find_media([tmp_path])
    assert [file.name for file in search.files] == ["a.jpg"]
    (other,) = search.passed_over
    assert other.reason == ENCODING
    assert other.name.encode("utf-8") == "M�ller.jpg".encode()


def test_the_pictures_of_a_sequence_lie_directly_in_its_folder(tmp_path: Path) -> None:
    for name in ("s/b.jpg", "s/a.png", "s/notes.txt", "s/film.mp4", "s/deep/c.jpg", "s/odd.jpg/d.txt", "empty/a.txt"):
        _file(tmp_path / name)
    assert [file.name for file in pictures_in(tmp_path / "s")] == ["a.png", "b.jpg"]
    search = find_sequences([tmp_path / "s", tmp_path / "empty", tmp_path / "s" / "a.png", tmp_path / "s"])
    assert [(file.name, file.media) for file in search.files] == [("s", "sequence")]
    assert [(file.name, file.reason) for file in search.passed_over] == [
        ("empty", NO_PICTURES),
        ("s/a.png", NO_FOLDER),
    ]
