"""FaceLandmarkImg: pictures in, one CSV row a face out, largest face first."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from openface_lite import about, columns, console, pictures
from openface_lite.analyse import find_faces
from openface_lite.arguments import Arguments
from openface_lite.recorder import Job, Recorder

BY_LINE = "-"


def face_landmark_img(arguments: Arguments) -> int:
    """Run the command; returns its exit code. Raises OutputError, ModelsUnavailableError."""
    by_line = arguments.files == (BY_LINE,)
    paths: Iterable[str] = _lines() if by_line else _inputs(arguments)
    if not paths:
        print("Could not open any images")
        return 1
    print("Loading the model")
    console.load_models()
    print("Model loaded")
    console.print_unsupported(arguments)
    print("Starting tracking")
    for index, path in enumerate(paths):
        try:
            picture = pictures.read_picture(Path(path))
        except pictures.MediaError:
            # Like the real tool: one bad picture ends the batch.
            print(f"Error: Could not open the image: {path}")
            return 1
        _analyse(picture, path, index, arguments)
        if by_line:
            _answer()
    return 0


def _lines() -> Iterator[str]:
    """The pictures whose paths come as lines on standard input."""
    return (line.rstrip("\n") for line in sys.stdin)


def _answer() -> None:
    """Say that a picture's files are written, by an empty line back where standard input is a socket."""
    with suppress(OSError):
        os.write(sys.stdin.fileno(), b"\n")


def _inputs(arguments: Arguments) -> list[str]:
    """The pictures named by -f, else those of the -fdir folder (-fdir does not count beside -f)."""
    if arguments.files or not arguments.folders:
        return list(arguments.files)
    if len(arguments.folders) > 1:
        print("WARNING: only the first -fdir is read")
    return console.images_in_folder(arguments.folders[0])


def _analyse(picture: pictures.Picture, path: str, index: int, arguments: Arguments) -> None:
    camera = arguments.camera(picture.width, picture.height)
    folder, stem = arguments.output(index, Path(path).stem)
    groups = columns.image_groups(arguments.selection)
    remarks = about.remarks(arguments.landmark_model)
    faces = find_faces(picture, camera, tiles=2 if arguments.thorough else 1)
    with Recorder(Job(folder, stem, path, camera, groups, arguments.selection, remarks, arguments.aligned)) as recorder:
        for number, face in enumerate(faces):
            recorder.write(columns.image_values(number, face, groups))
            recorder.draw(picture, face, f"face_det_{number:06}")
