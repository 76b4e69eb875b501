"""Find and identify an installed engine: the folder of executables and the `engine.json` beside them.

Separate from running it, so that a worker can refuse to start before it receives a message.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.errors import BadRequest, EngineUnavailable
from service.jobs.options import FACES_FOLLOWED
from service.storage.local_files import sha256_of

COMMANDS = ("FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti")
LICENCE_CLASSES = ("research-only", "permissive")
AU_SUPPORT = ("supported", "weak", "not_estimable")


@dataclass(frozen=True)
class UnitFacts:
    """An engine's own statement about one action unit: support, basis, and what it cannot tell apart."""

    support: str
    rests_on: str
    cannot_tell: str


@dataclass(frozen=True)
class Engine:
    """An installed engine: the real OpenFace, or another set of the same commands.

    Attributes:
        bin_dir: absolute folder of the commands.
        licence_class: `research-only` or `permissive`; what the numbers may be used for.
        models: SHA-256 by model file.
        au_support: `supported`, `weak` or `not_estimable` by action-unit column; empty: all supported.
        commands: those that are installed.
        binary_sha256: SHA-256 by command, where no `engine.json` identifies them.
        is_parallel: whether one process uses several processors well; others get one.
        faces_at_most: number of faces that it follows in a video with several.
        turns_videos: whether it turns videos upright by their rotation flag; others get a copy that is.
        reads_lines: whether it takes pictures one by one while it runs (`-f -`).
        au_facts: by action-unit column; empty where the engine states none.
        model_facts: name, hash, shapes, licence and citation key of each model file; JSON as the engine states it.
        citations: publications of the models, as parts of BibTeX; JSON as the engine states it.
    """

    bin_dir: Path
    name: str
    version: str | None
    commit: str | None
    licence_class: str
    models: Mapping[str, str]
    au_support: Mapping[str, str]
    commands: tuple[str, ...]
    binary_sha256: Mapping[str, str] = field(default_factory=dict)
    au_facts: Mapping[str, UnitFacts] = field(default_factory=dict)
    model_facts: tuple[Mapping[str, Any], ...] = ()
    citations: tuple[Mapping[str, Any], ...] = ()
    is_parallel: bool = False
    turns_videos: bool = False
    reads_lines: bool = False
    faces_at_most: int = FACES_FOLLOWED

    @classmethod
    def find(cls, bin_dir: Path) -> Engine:
        """Read the folder of executables; nothing is run.

        Raises:
            EngineUnavailable: no commands there, or an `engine.json` that cannot be read; says what to do.
        """
        bin_dir = bin_dir.resolve()
        present = tuple(name for name in COMMANDS if _is_executable(bin_dir / name))
        if not present:
            raise EngineUnavailable(
                f"no OpenFace commands in {bin_dir}: set OPENFACE_BIN_DIR to the folder that holds "
                "FaceLandmarkImg and FeatureExtraction, and check that they are executable"
            )
        label = bin_dir / "engine.json"
        if label.exists():
            return _labelled(bin_dir, label, present)
        return cls(
            bin_dir=bin_dir,
            name="OpenFace",
            version=None,
            commit=None,
            licence_class="research-only",
            models={},
            au_support={},
            commands=present,
            binary_sha256={name: sha256_of(bin_dir / name) for name in present},
        )

    def executable(self, command: str) -> Path:
        """Return the absolute path of a command.

        Raises:
            BadRequest: this engine does not have it.
        """
        if command not in self.commands:
            raise BadRequest(
                f"{self.name} has no {command} here, only {', '.join(self.commands)}", "option_unavailable"
            )
        return self.bin_dir / command


def _labelled(bin_dir: Path, label: Path, present: tuple[str, ...]) -> Engine:
    try:
        fields = json.loads(label.read_text("utf-8"))
        name, licence_class = str(fields["name"]), fields["licence_class"]
        commands = tuple(str(command) for command in fields.get("commands", present))
        models, au_support = _texts(fields.get("models", {})), _texts(fields.get("au_support", {}))
        version, commit = _optional(fields.get("version")), _optional(fields.get("commit"))
        au_facts = {str(name): UnitFacts(**_texts(said)) for name, said in fields.get("au_facts", {}).items()}
        faces_at_most = int(fields.get("faces_at_most", FACES_FOLLOWED))
        model_facts, citations = (tuple(map(dict, fields.get(part, ()))) for part in ("model_facts", "citations"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineUnavailable(f"{label} does not describe an engine: {error!r}") from error
    if licence_class not in LICENCE_CLASSES:
        raise EngineUnavailable(f"{label}: licence_class must be one of {', '.join(LICENCE_CLASSES)}")
    odd = sorted(set(au_support.values()) - set(AU_SUPPORT))
    if odd:
        raise EngineUnavailable(f"{label}: au_support knows {', '.join(AU_SUPPORT)}, not {', '.join(odd)}")
    absent = [command for command in commands if command not in present]
    if absent:
        raise EngineUnavailable(f"{label} names {', '.join(absent)}, but no such executable is beside it")
    return Engine(
        bin_dir,
        name,
        version,
        commit,
        licence_class,
        models,
        au_support,
        commands,
        au_facts=au_facts,
        model_facts=model_facts,
        citations=citations,
        is_parallel=fields.get("parallel") is True,
        turns_videos=fields.get("turns_videos") is True,
        reads_lines=fields.get("reads_lines") is True,
        faces_at_most=faces_at_most,
    )


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in fields.items()}


def _optional(value: Any) -> str | None:
    return None if value is None else str(value)


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
