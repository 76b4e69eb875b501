"""What the commands say on stdout besides their results, in the order the real tools say it."""

from pathlib import Path

from openface_lite import models, pictures
from openface_lite.arguments import Arguments
from openface_lite.model_facts import FILES
from openface_lite.model_folder import models_dir


def load_models() -> None:
    """Load and announce the models. Raises ModelsUnavailableError."""
    print(f"Reading the landmark detector/tracker from: {models_dir()}")
    for file in FILES:
        print(f"Reading the model from: {models_dir() / file.name}", end="....", flush=True)
        models.checked_path(file)
        print("Done")


def print_unsupported(arguments: Arguments) -> None:
    """One line on the outputs and one on the options asked for that this engine does not know."""
    if arguments.not_produced:
        print(f"Not produced by this engine: {', '.join(arguments.not_produced)}")
    if arguments.ignored:
        print(f"Ignored by this engine: {', '.join(arguments.ignored)}")


def images_in_folder(folder: str) -> list[str]:
    """The pictures of an -fdir folder, announced; empty after a message if there are none."""
    print(f"Attempting to read from directory: {folder}")
    try:
        paths = pictures.images_in(Path(folder))
    except pictures.MediaError:
        print(f"Provided directory does not exist: {folder}")
        return []
    if not paths:
        print(f"No images found in the directory: {folder}")
    return [str(path) for path in paths]
