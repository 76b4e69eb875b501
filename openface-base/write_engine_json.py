"""Describe an installed OpenFace in `engine.json` beside its commands, which the service reads.

    write_engine_json.py BIN_DIR MODELS_LIST --version VERSION --commit COMMIT

Run while the image is built; it also checks that the models are those of the list, since a build without them
succeeds all the same, and only the first face would show it. Needs Python's standard library only.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from pathlib import Path

COMMANDS = ("FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti")
# OpenFace 2's action units: all have an intensity (`_r`) and a presence (`_c`), except 28, which has no intensity.
ACTION_UNITS = ("01", "02", "04", "05", "06", "07", "09", "10", "12", "14", "15", "17", "20", "23", "25", "26", "45")
PRESENCE_ONLY = ("28",)
# Folders of small models that come with the source: one hash each, over its sorted file names and contents.
MODEL_FOLDERS = ("model", "AU_predictors")


class NotWhole(Exception):
    """The installation lacks a file, or has another in its place."""


def describe(bin_dir: Path, models_list: Path, version: str, commit: str) -> dict[str, object]:
    """Make the content of `engine.json`. Raises NotWhole."""
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise NotWhole(f"a commit has 40 hex digits, not {commit!r}")
    absent = [name for name in COMMANDS if not os.access(bin_dir / name, os.X_OK)]
    if absent:
        raise NotWhole(f"no {', '.join(absent)} in {bin_dir}")
    return {
        "name": "OpenFace",
        "version": version,
        "commit": commit,
        "licence_class": "research-only",
        "commands": list(COMMANDS),
        "models": {
            **_patch_experts(bin_dir, models_list),
            **{f"{name}/": _tree(bin_dir / name) for name in MODEL_FOLDERS},
        },
        "au_support": {
            **{f"AU{unit}_r": "supported" for unit in ACTION_UNITS},
            **{f"AU{unit}_c": "supported" for unit in sorted(ACTION_UNITS + PRESENCE_ONLY)},
        },
    }


def _patch_experts(bin_dir: Path, models_list: Path) -> dict[str, str]:
    wanted = {}
    for line in models_list.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, digest, *_ = line.split()
            wanted[name] = digest
    found = {name: _sha256(bin_dir / "model" / "patch_experts" / name) for name in wanted}
    wrong = [name for name in wanted if found[name] != wanted[name]]
    if wrong:
        raise NotWhole(f"not the known models in {bin_dir}: {', '.join(wrong)}")
    return found


def _tree(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise NotWhole(f"no models in {folder}")
    lines = "".join(f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NotWhole(f"{path}: {error.strerror}") from error


def main() -> int:
    """Write the file; return exit code 0, or 1 after a sentence."""
    parser = argparse.ArgumentParser(description="Describe an installed OpenFace in engine.json.")
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("models_list", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    given = parser.parse_args()
    try:
        fields = describe(given.bin_dir, given.models_list, given.version, given.commit)
    except NotWhole as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    (given.bin_dir / "engine.json").write_text(json.dumps(fields, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
