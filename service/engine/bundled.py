"""Fetch the embedded analyser's networks on first use, where the package was installed without them."""

from __future__ import annotations

import sys

from service.engine.installed import Engine
from service.errors import EngineUnavailable
from service.settings import REPOSITORY, models_folder

BIN_DIR = REPOSITORY / "openface_lite" / "bin"


def fetch_missing_networks(engine: Engine) -> None:
    """Make sure that the embedded analyser has its networks; does nothing for other engines.

    Raises:
        EngineUnavailable: they are missing and cannot be fetched; says what to do.
    """
    folder = models_folder()
    if engine.bin_dir != BIN_DIR.resolve() or all((folder / name).is_file() for name in engine.models):
        return
    # Loaded here: nearly every start has its networks.
    from openface_lite.fetch_models import FetchError, fetch_models

    print(f"fetching the networks of the embedded analyser (once) into {folder} ...", file=sys.stderr, flush=True)
    try:
        fetch_models(folder)
    except FetchError as error:
        raise EngineUnavailable(
            f"{error}. Without a network, copy the files to a folder and set FACELINE_MODELS to it"
        ) from error
