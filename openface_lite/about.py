"""Facts about this engine, for ``bin/engine.json`` and every details file.

``python -m openface_lite.about`` prints the JSON.
"""

from openface_lite import __version__, action_units
from openface_lite.arguments import MOST_FACES
from openface_lite.model_facts import CITATIONS, FILES, HASHES, ModelFile

NAME = "openface_lite"
LICENCE_CLASS = "permissive"
COMMANDS = ("FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti")


def engine() -> dict[str, object]:
    """The content of ``bin/engine.json``."""
    return {
        "name": NAME,
        "version": __version__,
        "licence_class": LICENCE_CLASS,
        "turns_videos": True,
        "parallel": True,
        "reads_lines": True,
        "faces_at_most": MOST_FACES,
        "commands": list(COMMANDS),
        "models": HASHES,
        "model_facts": [_model(file) for file in FILES],
        "citations": [
            {"key": work.key, "kind": work.kind, "what": work.what, "fields": dict(work.fields)} for work in CITATIONS
        ],
        "au_support": action_units.SUPPORT,
        "au_facts": {
            name: {"support": unit.support, "rests_on": unit.rests_on, "cannot_tell": unit.cannot_tell}
            for name, unit in action_units.MEASURED.items()
        },
    }


def _model(file: ModelFile) -> dict[str, str]:
    return {
        "name": file.name,
        "sha256": file.sha256,
        "purpose": file.purpose,
        "input": file.input,
        "output": file.output,
        "licence": file.licence,
        "source": file.wheel.requirement,
        "citation": file.citation.key,
    }


def remarks(landmark_model: str | None) -> tuple[str, ...]:
    """The lines this engine adds at the end of a details file."""
    lines = [f"Engine:{NAME} {__version__}"]
    for level in ("supported", "weak", "not_estimable"):
        names = [name for name, support in action_units.SUPPORT.items() if support == level]
        lines.append(f"AU {level}:{','.join(names)}")
    if landmark_model is not None:
        lines.append(f"Requested landmark model (not used):{landmark_model}")
    return tuple(lines)


if __name__ == "__main__":
    # Not for the commands, each of which tells its remarks.
    import json

    print(json.dumps(engine(), indent=2))
