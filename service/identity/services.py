"""The services of face recognition as one value, made where IDENTITY is on."""

from __future__ import annotations

from datetime import timedelta

from service.identity.embedder import Embedder
from service.identity.galleries import Galleries
from service.identity.pending_faces import PendingFaces
from service.identity.store import Store, default_url
from service.settings import Settings


class IdentityServices:
    """One identity database, and the child processes that compute embeddings.

    Attributes:
        threshold: distance below which two faces count as one person.
    """

    def __init__(self, settings: Settings) -> None:
        """Open and start nothing yet. Raises BadSettings for an IDENTITY_DATABASE of another kind."""
        url = settings.identity_database
        self.store = Store(url.get_secret_value() if url else default_url(settings.workspace / "identity"))
        self.galleries = Galleries(self.store)
        self.pending = PendingFaces(self.store, timedelta(minutes=settings.identity_token_minutes))
        self.embedder = Embedder(settings)
        self.threshold = settings.identity_threshold

    def close(self) -> None:
        """End the children and close the database."""
        self.embedder.close()
        self.store.close()
