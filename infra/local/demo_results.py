"""Fetches what a finished job left in storage, and checks it against the manifest's own words.

Separate because the demo may say "done" only for results that are whole; the tests use the same check.
"""

import csv
import hashlib
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.storage.blob import ContainerClient

COLUMNS = {"image": 711, "video": 714}


class NotWhole(Exception):
    """A result is missing, or is not what its manifest says; the text names every difference."""


@dataclass(frozen=True)
class DemoResult:
    """A job's results as files on this machine."""

    csv_file: Path
    manifest: dict[str, Any]


def fetch_results(results: ContainerClient, folder: Path) -> None:
    """Copy everything the results container holds into `folder`, which is replaced as a whole."""
    unfinished = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for blob in results.list_blobs():
        file = unfinished / blob.name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as copy:
            results.download_blob(blob.name).readinto(copy)
    # A rename never leaves a half-copied folder under the name people look for.
    former = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(former, ignore_errors=True)
    if folder.exists():
        folder.rename(former)
    unfinished.rename(folder)
    shutil.rmtree(former, ignore_errors=True)


def checked_result(results: ContainerClient, folder: Path, job: dict[str, Any]) -> DemoResult:
    """The results of `job` in the fetched `folder`. Raises NotWhole."""
    prefix = f"{job['container']}/{job['blob']}/{job['id']}/"
    names = [name for name in results.list_blob_names(name_starts_with=prefix) if _is_commit(name, prefix)]
    if len(names) != 1:
        raise NotWhole(f"{prefix} has {len(names)} results CSVs instead of one")
    metadata = results.get_blob_client(names[0]).get_blob_properties().metadata
    manifest_file = folder / prefix / metadata.get("attempt", "") / "manifest.json"
    if not manifest_file.is_file():
        raise NotWhole(f"{names[0]} has no manifest")
    manifest = json.loads(manifest_file.read_text())
    problems = differences((folder / names[0]).read_bytes(), manifest, metadata.get("sha256", ""))
    if problems:
        raise NotWhole(f"{names[0]}: {'; '.join(problems)}")
    return DemoResult(folder / names[0], manifest)


def differences(table: bytes, manifest: dict[str, Any], committed_sha256: str) -> list[str]:
    """Everything in which a CSV is not what its manifest and its commit say."""
    told, media = manifest["csv"], manifest["job"]["media"]
    sha256 = hashlib.sha256(table).hexdigest()
    header, *rows = list(csv.reader(io.StringIO(table.decode("utf-8"), newline="")))
    expected_rows = manifest["frames"]["expected"] if media == "video" else manifest["faces"]
    checks = [
        ("sha256", sha256, told["sha256"]),
        ("sha256 in the blob's metadata", committed_sha256, sha256),
        ("bytes", len(table), told["bytes"]),
        ("rows", len(rows), told["rows"]),
        ("rows for what was seen", len(rows), expected_rows),
        ("columns", len(header), told["columns"]),
        ("columns for its kind", len(header), COLUMNS[media]),
        ("rows of another width", sum(len(row) != len(header) for row in rows), 0),
        ("completeness", manifest["completeness"]["verdict"], "complete"),
        ("outcome", manifest["outcome"], "succeeded"),
    ]
    return [f"{what}: {found!r} instead of {wanted!r}" for what, found, wanted in checks if found != wanted]


def _is_commit(name: str, prefix: str) -> bool:
    rest = name.removeprefix(prefix)
    return "/" not in rest and rest.endswith(".csv")
