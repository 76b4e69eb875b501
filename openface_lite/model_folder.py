"""Where the model files lie. Light: the download uses it before any package is installed."""

import hashlib
import os
from pathlib import Path

MODELS_DIR_VARIABLES = ("FACELINE_MODELS", "OPENFACE_LITE_MODELS")


def models_dir() -> Path:
    """The folder of the model files: as a variable names it, else of this checkout, else in the user's cache.

    The variables are ``FACELINE_MODELS`` and its older name ``OPENFACE_LITE_MODELS``. A checkout and an image have
    ``models/`` in this package; a package that pip installed has ``faceline/models`` in ``XDG_CACHE_HOME``.
    """
    named = next(filter(None, map(os.environ.get, MODELS_DIR_VARIABLES)), None)
    if named:
        return Path(named)
    beside = Path(__file__).parent / "models"
    return beside if beside.is_dir() or _is_checkout() else cache_dir()


def cache_dir() -> Path:
    """The folder in the user's cache, in which missing files are fetched on first use."""
    caches = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(caches) if caches.startswith("/") else Path.home() / ".cache") / "faceline" / "models"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file as 64 hex digits. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_checkout() -> bool:
    return (Path(__file__).parent.parent / "pyproject.toml").is_file()
