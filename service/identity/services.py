"""Everything that identity does, as one value: made by `wiring` where IDENTITY is on."""

from __future__ import annotations

from datetime import timedelta

from service.identity.embedder import Embedder
from service.identity.galleries import Galleries
from service.identity.pending_faces import WaitingFaces
from service.identity.store import Store, default_url
from service.settings import Settings


class IdentityServices:
    """One database, and children that make embeddings.

    Attributes:
        threshold: distance below which two faces count as one person's.
    """

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened or started yet. Raises BadSettings where IDENTITY_DATABASE is no database that we know."""
        url = settings.identity_database
        self.store = Store(url.get_secret_value() if url else default_url(settings.workspace / "identity"))
        self.galleries = Galleries(self.store)
        self.waiting = WaitingFaces(self.store, timedelta(minutes=settings.identity_token_minutes))
        self.embedder = Embedder(settings)
        self.threshold = settings.identity_threshold

    def close(self) -> None:
        self.embedder.close()
        self.store.close()
