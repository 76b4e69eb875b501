"""Find new and overwritten blobs, since Azurite raises no events: by its access log, or by listing all.

Separate because it decides when storage is asked, so that waiting costs the same however many blobs there are.
"""

import time
from collections.abc import Callable, Set

from azure.storage.blob import BlobServiceClient

from infra.local.function_runner.access_log import AccessLog, BlobName
from infra.local.function_runner.blob_listing import BlobVersion, list_blobs, read_blob

# Listing everything takes at most a twentieth of the time where nothing else tells of a new blob, and a thousandth
# where the log does: then it is there to forget versions that are gone.
_SHARE, _SHARE_BESIDE_LOG = 20, 1000
_SELDOM_S = 60.0
# To ask for one blob takes so long, about; many blobs are found sooner by listing all.
_ASK_S = 0.004
# While storage is asked, a listing is due: whatever fails, even for one blob alone, all are listed at the next look.
_NOW = 0.0


class BlobWatch:
    """Offers each version that it sees; the taker knows which are new.

    Args:
        look_s: the shortest time between two listings where there is no log.
        offer: takes a version.
        keep_only: takes the keys of all versions that exist.
    """

    def __init__(
        self,
        storage: BlobServiceClient,
        log: AccessLog | None,
        look_s: float,
        offer: Callable[[BlobVersion], None],
        keep_only: Callable[[Set[str]], None],
    ) -> None:
        self._storage = storage
        self._log = log
        self._share, self._shortest_s = (_SHARE_BESIDE_LOG, _SELDOM_S) if log else (_SHARE, look_s)
        self._offer = offer
        self._keep_only = keep_only
        self._written: set[BlobName] = set()
        self._list_at = _NOW
        self._listing_s = 0.0

    def look(self) -> None:
        """Offer what may be new. Raises AzureError; nothing is lost then, for the next look lists all."""
        if self._log:
            news = self._log.take()
            self._written |= news.written
            if news.may_have_gaps:
                self._list_at = _NOW
        if time.monotonic() >= self._list_at or len(self._written) * _ASK_S > self._listing_s:
            self._list_all()
        else:
            self._ask_for_written()

    def _list_all(self) -> None:
        began = time.monotonic()
        self._list_at = _NOW
        existing = set()
        for blob in list_blobs(self._storage):
            existing.add(blob.key)
            self._offer(blob)
        self._keep_only(existing)
        # Each was written before the listing began.
        self._written.clear()
        ended = time.monotonic()
        self._listing_s = ended - began
        self._list_at = ended + max(self._shortest_s, self._share * self._listing_s)

    def _ask_for_written(self) -> None:
        listing_at, self._list_at = self._list_at, _NOW
        for blob in self._written:
            version = read_blob(self._storage, blob)
            if version is not None:
                self._offer(version)
        self._written.clear()
        self._list_at = listing_at
