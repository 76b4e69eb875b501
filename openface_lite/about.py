"""Who measures: the facts that go into ``bin/engine.json`` and into every details file.

``python -m openface_lite.about`` prints the JSON.
"""

import json

from openface_lite import __version__, action_units
from openface_lite.models import MODEL_HASHES

NAME = "openface_lite"
LICENCE_CLASS = "permissive"
COMMANDS = ("FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti")


def engine() -> dict[str, object]:
    """The content of ``bin/engine.json``."""
    return {
        "name": NAME,
        "version": __version__,
        "licence_class": LICENCE_CLASS,
        "commands": list(COMMANDS),
        "models": MODEL_HASHES,
        "au_support": action_units.SUPPORT,
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
    print(json.dumps(engine(), indent=2))
