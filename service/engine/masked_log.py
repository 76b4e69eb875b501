"""Copy an engine's log with this machine's folders masked, since manifests and logs leave the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from service.sandbox.printable import clean
from service.sandbox.process import LOG_BYTES

HEAD_CHARACTERS = 8192
"""How much of a picture's log its manifest holds."""


def folder_names(room: Path, bin_dir: Path) -> dict[str, str]:
    """Map each folder that a log may mention to the name shown for it."""
    names = {str(room): "$WORKSPACE", str(bin_dir): "$OPENFACE_BIN_DIR"}
    if len(bin_dir.parts) > 2:
        # Engines keep their models beside the commands' folder, and log where.
        names[str(bin_dir.parent)] = "$OPENFACE_BIN_DIR/.."
    return names


def masked(text: str, names: Mapping[str, str]) -> str:
    """Replace folders by their names, the longest path first."""
    for folder, name in sorted(names.items(), key=lambda item: -len(item[0])):
        text = text.replace(folder, name)
    return text


def write_log(log: Path, parts: Iterable[Path], names: Mapping[str, str]) -> None:
    """Join the captured streams of a run into one masked log."""
    with log.open("w", encoding="utf-8") as out:
        for part in parts:
            with part.open("rb") as file:
                text = file.read(2 * LOG_BYTES).decode("utf-8", "replace")
            out.write(masked(clean(text), names))


def log_head(log: Path) -> str:
    """Read the beginning of a log, as a manifest holds it."""
    with log.open(encoding="utf-8") as file:
        return file.read(HEAD_CHARACTERS)
