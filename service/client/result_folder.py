"""A downloaded result as a folder of files: complete or absent, and recognised when it is already there.

The files are those that `analyse` writes: `<stem>.csv`, `manifest.json`, and the report's where the service makes one.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.client.client import Client, Progress
from service.client.models import ClientError, ServiceRefused
from service.storage.local_files import sha256_of

MANIFEST = "manifest.json"
EXTRAS = ("report.html", "summary.json", "methods.txt", "citation.bib")
"""Files that the service makes on request; not every version has them."""

LONGEST_NAME = 200
"""Limit in bytes of UTF-8; file systems take 255, and the folder's name needs some."""
LONGEST_SUFFIX = 10
_FORBIDDEN = frozenset('/\\:*?"<>|')
"""Characters that some file system forbids, besides those that are not printable."""


class NotWhole(ClientError):
    """The downloaded bytes are not those that the service published; they were deleted."""

    code = "not_whole"


class ResultFolder:
    """The local folder of one job's result."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def manifest(self) -> dict[str, Any] | None:
        """Return the manifest of a complete result; None where there is none."""
        try:
            manifest = dict(json.loads((self.path / MANIFEST).read_text("utf-8")))
            csv = manifest["csv"]
            whole = bool(csv) and sha256_of(self.path / safe_name(csv["name"])) == csv["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return manifest if whole else None

    @property
    def has_report(self) -> bool:
        return (self.path / EXTRAS[0]).exists()

    def csv(self, manifest: Mapping[str, Any]) -> Path:
        """Return the table's path."""
        return self.path / safe_name(manifest["csv"]["name"])

    def download(
        self,
        client: Client,
        job_id: str,
        *,
        media_sha256: str | None = None,
        with_report: bool = True,
        on_bytes: Progress | None = None,
    ) -> dict[str, Any]:
        """Download a published result, replacing the folder's; returns its manifest.

        Args:
            media_sha256: of the uploaded media; the manifest must name the same.

        Raises:
            NotWhole: a hash differs from the published one.
            ClientError: see `Client`.
        """
        published = client.results(job_id)
        manifest = published.manifest
        if media_sha256 and manifest.get("media", {}).get("sha256") != media_sha256:
            raise NotWhole("the service measured other bytes than those of this file")
        with self._beside() as room:
            table = room / safe_name(manifest["csv"]["name"])
            found = client.fetch(f"/jobs/{job_id}/result.csv", table, on_bytes)
            if not found == published.csv_sha256 == manifest["csv"]["sha256"]:
                raise NotWhole(f"the table's SHA-256 is {found[:12]}…, and not what was published")
            self._write(room / MANIFEST, manifest)
            if with_report:
                _fetch_extras(client, job_id, room)
            self._replace(room, last=table)
        return manifest

    def add_report(self, client: Client, job_id: str) -> None:
        """Download the missing report of a complete result, where the service makes one."""
        if self.has_report:
            return
        with self._beside() as room:
            _fetch_extras(client, job_id, room)
            for file in room.iterdir():
                file.replace(self.path / file.name)

    def keep_failure(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest of a failed job, replacing the folder's result."""
        with self._beside() as room:
            self._write(room / MANIFEST, manifest)
            self._replace(room, last=room / MANIFEST)

    @contextmanager
    def _beside(self) -> Iterator[Path]:
        self.path.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".part-", dir=self.path))
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def _replace(self, room: Path, last: Path) -> None:
        """Replace the files; the table is deleted first and written last, so that no mixture counts as complete."""
        for old in [*self.path.glob("*.csv"), *(self.path / name for name in (MANIFEST, *EXTRAS))]:
            old.unlink(missing_ok=True)
        for file in room.iterdir():
            if file != last:
                file.replace(self.path / file.name)
        last.replace(self.path / last.name)

    def _write(self, file: Path, manifest: Mapping[str, Any]) -> None:
        file.write_text(json.dumps(manifest, indent=2, ensure_ascii=False), "utf-8")


def _fetch_extras(client: Client, job_id: str, room: Path) -> None:
    for name in EXTRAS:
        try:
            client.fetch(f"/jobs/{job_id}/{name}", room / name)
        except ServiceRefused as refused:
            if refused.status != 404:
                raise


def safe_name(name: str) -> str:
    """Turn the last part of a remote name into a file name that is safe on any system."""
    last = str(name).replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join("_" if char in _FORBIDDEN or not char.isprintable() else char for char in last)
    stem, dot, suffix = plain.rpartition(".")
    ending = dot + suffix if len(suffix) <= LONGEST_SUFFIX else ""
    short = _cut(stem if ending and stem else plain, LONGEST_NAME - len(ending.encode())) + (ending if stem else "")
    # A leading dot would hide the file, or name a parent folder.
    return short.lstrip(".").strip() or "_"


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode("utf-8", "ignore")
