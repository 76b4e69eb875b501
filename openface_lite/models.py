"""The networks at work: checked files, one interpreter a thread.

:mod:`openface_lite.fetch_models` downloads the files; :mod:`openface_lite.model_facts` describes them.
"""

import sys
import threading
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from openface_lite.arrays import Array, Image
from openface_lite.model_facts import FILES, ModelFile
from openface_lite.model_folder import cache_dir, file_sha256, models_dir

_threads = threading.local()
_checking = threading.Lock()


class ModelsUnavailableError(Exception):
    """A model file is missing or is not the file it should be."""


def checked_path(file: ModelFile) -> Path:
    """The path of one model file, its hash checked once a process. Raises ModelsUnavailableError."""
    with _checking:
        return _check(file)


@cache
def _check(file: ModelFile) -> Path:
    folder = models_dir()
    path = folder / file.name
    if folder == cache_dir() and not path.exists():
        _fetch(folder)
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise ModelsUnavailableError(
            f"Could not read the model {path} (python -m openface_lite.fetch_models downloads it)"
        ) from error
    if digest != file.sha256:
        raise ModelsUnavailableError(f"The model {path} is damaged: its SHA-256 is wrong")
    return path


def _fetch(folder: Path) -> None:
    # Loaded only here: nearly every start has its networks.
    from openface_lite.fetch_models import FetchError, fetch_models

    print(f"openface_lite: fetching its networks (once) into {folder}", file=sys.stderr, flush=True)
    try:
        fetch_models(folder)
    except FetchError as error:
        raise ModelsUnavailableError(str(error)) from error


def check_models() -> None:
    """Check all model files. Raises ModelsUnavailableError at the first that is missing or damaged."""
    for file in FILES:
        checked_path(file)


def run(file: ModelFile, values: Array) -> list[Array]:
    """Run one network on one input, given without its batch axis; the outputs come with theirs.

    Raises ModelsUnavailableError.
    """
    network = _network(file)
    network.interpreter.set_tensor(network.input, values[np.newaxis])
    return network.outputs_now()


def run_on_pixels(file: ModelFile, pixels: Image, *, divisor: float, offset: float = 0.0) -> list[Array]:
    """Run one network on (side, side, 3) uint8 RGB; its input is ``pixels / divisor + offset``.

    As :func:`run`, without a copy of the input.
    """
    network = _network(file)
    network.fill(pixels, np.float32(divisor), np.float32(offset))
    return network.outputs_now()


class _Network(NamedTuple):
    """One thread's interpreter with the numbers of its input and outputs."""

    interpreter: Interpreter
    input: int
    outputs: tuple[int, ...]

    @classmethod
    def load(cls, file: ModelFile) -> "_Network":
        # By path: the runtime maps the file into memory instead of copying it. One CPU thread each: faces are
        # small, and callers run in parallel.
        interpreter = Interpreter(model_path=str(checked_path(file)), num_threads=1)
        interpreter.allocate_tensors()
        outputs = tuple(output["index"] for output in interpreter.get_output_details())
        return cls(interpreter, interpreter.get_input_details()[0]["index"], outputs)

    def fill(self, pixels: Image, divisor: np.float32, offset: np.float32) -> None:
        """Write pixels straight into the input. The view must be gone before the interpreter runs."""
        view = self.interpreter.tensor(self.input)()[0]
        np.divide(pixels, divisor, out=view, dtype=np.float32)
        if offset:
            np.add(view, offset, out=view)

    def outputs_now(self) -> list[Array]:
        """Run, and return the outputs."""
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(index) for index in self.outputs]


def _network(file: ModelFile) -> _Network:
    loaded: dict[str, _Network] | None = getattr(_threads, "networks", None)
    if loaded is None:
        loaded = _threads.networks = {}
    if file.name not in loaded:
        loaded[file.name] = _Network.load(file)
    return loaded[file.name]
