"""Translate the embedded analyser's errors, for the children that load it."""

from __future__ import annotations

from openface_lite import MediaError, ModelsUnavailableError
from service.errors import AnalysisError, EngineUnavailable, UnreadableMedia


def as_analysis_error(error: Exception) -> AnalysisError | None:
    """Translate an error; None where neither the picture nor a missing model caused it."""
    if isinstance(error, MediaError):
        return UnreadableMedia("the picture cannot be decoded")
    if isinstance(error, ModelsUnavailableError):
        return EngineUnavailable(str(error))
    return None
