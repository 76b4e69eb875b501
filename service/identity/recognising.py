"""What a pipeline asks of identity; it imports nothing of the extra, which need not be installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from service.job import AnalysisJob
from service.media import Prepared


class Recognises(Protocol):
    """Implemented by `recogniser.Recogniser`."""

    def people(
        self, job: AnalysisJob, media: Prepared, table: Path, room: Path, watch: Callable[[], None]
    ) -> dict[str, Any]:
        """Who is in an analysis; raises AnalysisError."""
        ...

    def remember(self, job: AnalysisJob, told: dict[str, Any], container: str, blob: str) -> None:
        """Which people a result names; raises StorageUnavailable."""
        ...
