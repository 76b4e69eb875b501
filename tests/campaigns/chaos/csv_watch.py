"""Looks at the results all the while: a CSV that has appeared may never change, and never go."""

from __future__ import annotations

import threading
from contextlib import suppress

from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient

RESULTS = "results"
LOOK_S = 0.7


class CsvWatch:
    """A thread that remembers the first ETag of every CSV.

    Attributes:
        first: ETag by name, as each CSV was first seen.
        moved: what was seen that must not be.
    """

    def __init__(self, connection_string: str) -> None:
        self._client = ContainerClient.from_connection_string(connection_string, RESULTS, retry_total=0)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="csv-watch")
        self.first: dict[str, str] = {}
        self.moved: dict[str, str] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """One more look, then no more."""
        self._ended.set()
        self._thread.join()
        self._look()
        self._client.close()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_S):
            # Storage is away now and then: that is what the run is about.
            with suppress(AzureError):
                self._look()

    def _look(self) -> None:
        now = {blob.name: blob.etag.strip('"') for blob in self._client.list_blobs() if blob.name.endswith(".csv")}
        for name, etag in now.items():
            if self.first.setdefault(name, etag) != etag:
                self.moved[name] = "changed after it had appeared"
        for name in self.first.keys() - now.keys():
            self.moved[name] = "went after it had appeared"
