"""The analyser's errors as ours, for the children that load it."""

from __future__ import annotations

from openface_lite import MediaError, ModelsUnavailableError
from service.errors import AnalysisError, EngineUnavailable, UnreadableMedia


def blamed(error: Exception) -> AnalysisError | None:
    """None where it is neither the picture nor a missing model."""
    if isinstance(error, MediaError):
        return UnreadableMedia("the picture cannot be decoded")
    if isinstance(error, ModelsUnavailableError):
        return EngineUnavailable(str(error))
    return None
