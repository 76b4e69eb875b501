"""Check the demo's downloads against their manifests.

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

COLUMNS = {"image": 711, "video": 714}


class NotWhole(Exception):
    """A result is missing, or is not what its manifest says; the text names every difference."""


@dataclass(frozen=True)
class DemoResult:
    """A job's results as files on this machine; `verdict` is the next stage's."""

    csv_file: Path
    manifest: dict[str, Any]
    verdict: dict[str, Any] | None = None

    @property
    def job_id(self) -> str:
        """The job's id."""
        return str(self.manifest["job"]["id"])


def replace_folder(new: Path, folder: Path) -> None:
    """Replace a folder by a complete new one, so that its name never shows a half-filled one."""
    former = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(former, ignore_errors=True)
    if folder.exists():
        folder.rename(former)
    new.rename(folder)
    shutil.rmtree(former, ignore_errors=True)


def checked_results(folder: Path, count: int) -> list[DemoResult]:
    """Read and check the results in a folder, one in each of its folders. Raises NotWhole."""
    results = [_checked(file.parent, json.loads(file.read_text())) for file in sorted(folder.glob("*/manifest.json"))]
    if len(results) != count:
        raise NotWhole(f"{folder} holds {len(results)} results instead of {count}")
    return results


def _checked(folder: Path, manifest: dict[str, Any]) -> DemoResult:
    tables = list(folder.glob("*.csv"))
    if len(tables) != 1:
        raise NotWhole(f"{folder} has {len(tables)} results CSVs instead of one")
    problems = differences(tables[0].read_bytes(), manifest)
    if problems:
        raise NotWhole(f"{tables[0]}: {'; '.join(problems)}")
    return DemoResult(tables[0], manifest)


def differences(table: bytes, manifest: dict[str, Any]) -> list[str]:
    """List the differences between a CSV and its manifest."""
    told, media = manifest["csv"], manifest["job"]["media"]
    sha256 = hashlib.sha256(table).hexdigest()
    header, *rows = list(csv.reader(io.StringIO(table.decode("utf-8"), newline="")))
    expected_rows = manifest["frames"]["expected"] if media == "video" else manifest["faces"]
    checks = [
        ("sha256", sha256, told["sha256"]),
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
