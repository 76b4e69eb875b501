"""Check an engine's model files against the hashes that its `engine.json` states."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.engine.installed import Engine
from service.storage.local_files import sha256_of


@dataclass(frozen=True)
class ModelFiles:
    """The models of an engine, by the names of its `engine.json`.

    Attributes:
        whole: names whose hash is the stated one.
        missing: names without a file or folder.
        changed: paths whose hash is another.
    """

    whole: tuple[str, ...]
    missing: tuple[str, ...]
    changed: tuple[Path, ...]


def check_models(engine: Engine) -> ModelFiles:
    """Hash every stated model; a name that ends with a slash is a folder, hashed with all its files."""
    places = {name: next(_places(engine.bin_dir, name), None) for name in engine.models}
    found = {name: path for name, path in places.items() if path}
    changed = {name: path for name, path in found.items() if _hash(path) != engine.models[name].lower()}
    return ModelFiles(
        whole=tuple(name for name in found if name not in changed),
        missing=tuple(sorted(set(places) - set(found))),
        changed=tuple(changed.values()),
    )


def tree_sha256(folder: Path) -> str:
    """Hash a folder: the SHA-256 of its sorted lines `<SHA-256>  <path>`, as openface-base writes it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = "".join(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def model_roots(bin_dir: Path) -> tuple[Path, ...]:
    """Folders of OpenFace's models: beside the command as built, and where `make install` puts them."""
    return bin_dir, bin_dir.parent / "etc" / "OpenFace"


def _hash(path: Path) -> str:
    return tree_sha256(path) if path.is_dir() else sha256_of(path)


def _places(bin_dir: Path, name: str) -> Iterator[Path]:
    for folder in (*model_roots(bin_dir), bin_dir / "models", bin_dir.parent / "models"):
        for path in (folder / name, folder / "model" / name, folder / "model" / "patch_experts" / name):
            if path.is_dir() if name.endswith("/") else path.is_file():
                yield path
