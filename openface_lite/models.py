"""The four networks: their files, their hashes, and running them, one interpreter per thread.

The files themselves are fetched by :mod:`openface_lite.fetch_models`.
"""

import hashlib
import os
import threading
from functools import cache
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from openface_lite.arrays import Array

SHORT_RANGE = "face_detection_short_range.tflite"
FULL_RANGE = "face_detection_full_range_sparse.tflite"
FACE_MESH = "face_landmark.tflite"
IRIS = "iris_landmark.tflite"

# File name -> SHA-256, as contained in the wheel that fetch_models downloads.
MODEL_HASHES = {
    SHORT_RANGE: "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    FULL_RANGE: "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    FACE_MESH: "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    IRIS: "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
}

MODELS_DIR_VARIABLE = "OPENFACE_LITE_MODELS"

_interpreters = threading.local()


class ModelsUnavailableError(Exception):
    """A model file is missing or is not the file it should be."""


def models_dir() -> Path:
    """The folder of the model files: ``OPENFACE_LITE_MODELS``, else ``models/`` in this package."""
    override = os.environ.get(MODELS_DIR_VARIABLE)
    return Path(override) if override else Path(__file__).parent / "models"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file as 64 hex digits. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def model_bytes(name: str) -> bytes:
    """One checked model file, read once a process. Raises ModelsUnavailableError."""
    path = models_dir() / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelsUnavailableError(
            f"Could not read the model {path} (python -m openface_lite.fetch_models downloads it)"
        ) from error
    if hashlib.sha256(content).hexdigest() != MODEL_HASHES[name]:
        raise ModelsUnavailableError(f"The model {path} is damaged: its SHA-256 is wrong")
    return content


def check_models() -> None:
    """Read all four models. Raises ModelsUnavailableError at the first that is missing or damaged."""
    for name in MODEL_HASHES:
        model_bytes(name)


def run(name: str, image: Array) -> list[Array]:
    """Run one network on one image.

    ``image`` is (height, width, 3) float32 RGB of the size and range the network wants. Returns the
    outputs, each without its batch axis. Raises ModelsUnavailableError.
    """
    interpreter = _interpreter(name)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[np.newaxis])
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"])[0] for output in interpreter.get_output_details()]


def _interpreter(name: str) -> Interpreter:
    """This thread's interpreter. One CPU thread each: faces are small, and callers run in parallel."""
    loaded: dict[str, Interpreter] | None = getattr(_interpreters, "loaded", None)
    if loaded is None:
        loaded = _interpreters.loaded = {}
    if name not in loaded:
        loaded[name] = Interpreter(model_content=model_bytes(name), num_threads=1)
        loaded[name].allocate_tensors()
    return loaded[name]
