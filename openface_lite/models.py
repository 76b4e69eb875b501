"""The four networks: their files, their hashes, and running them, one interpreter per thread.

The files themselves are fetched by :mod:`openface_lite.fetch_models`.
"""

import hashlib
import os
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from openface_lite.arrays import Array, Image

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

_threads = threading.local()
_reading = threading.Lock()


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


def model_bytes(name: str) -> bytes:
    """One checked model file, read once a process. Raises ModelsUnavailableError."""
    with _reading:
        return _read_model(name)


@cache
def _read_model(name: str) -> bytes:
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


def run(name: str, image: Image, *, divisor: float, offset: float = 0.0) -> list[Array]:
    """Run one network on one picture; its input is ``image / divisor + offset``.

    ``image`` is (height, width, 3) uint8 BGR of the size the network wants. Returns the outputs, each
    without its batch axis. Raises ModelsUnavailableError.
    """
    network = _network(name)
    network.fill(image, np.float32(divisor), np.float32(offset))
    network.interpreter.invoke()
    return [network.interpreter.get_tensor(index)[0] for index in network.outputs]


@dataclass(frozen=True)
class _Network:
    """One thread's interpreter with the numbers of its input and outputs."""

    interpreter: Interpreter
    input: int
    outputs: tuple[int, ...]

    @classmethod
    def load(cls, name: str) -> "_Network":
        # One CPU thread each: faces are small, and callers run in parallel.
        interpreter = Interpreter(model_content=model_bytes(name), num_threads=1)
        interpreter.allocate_tensors()
        outputs = tuple(output["index"] for output in interpreter.get_output_details())
        return cls(interpreter, interpreter.get_input_details()[0]["index"], outputs)

    def fill(self, image: Image, divisor: np.float32, offset: np.float32) -> None:
        """Write a picture straight into the input. The view must be gone before the interpreter runs."""
        view = self.interpreter.tensor(self.input)()[0]
        np.divide(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), divisor, out=view, dtype=np.float32)
        if offset:
            np.add(view, offset, out=view)


def _network(name: str) -> _Network:
    loaded: dict[str, _Network] | None = getattr(_threads, "networks", None)
    if loaded is None:
        loaded = _threads.networks = {}
    if name not in loaded:
        loaded[name] = _Network.load(name)
    return loaded[name]
