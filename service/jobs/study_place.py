"""Names of what a worker makes of a whole study: table, report and overview, of all its jobs or of one key's."""

from __future__ import annotations

from dataclasses import dataclass

from service.jobs.names import OWN_CONTAINER
from service.jobs.upload_places import owner_slug

FOLDER = "_studies/"
CONTAINER = "study-results"
"""Container of studies where results are kept beside their uploads."""

CURRENT = "current.json"
"""The overview, and the folder of its files; written last."""
MAKING = "making.json"
"""The request under way, and how far it is."""
CSV, PARQUET, REPORT = "table.csv", "table.parquet", "report.html"
FILES = {
    CSV: "text/csv; charset=utf-8",
    PARQUET: "application/vnd.apache.parquet",
    REPORT: "text/html; charset=utf-8",
}
"""Content types of the files."""
POSTER = "poster.jpg"
"""Artefact of a result: a small picture of the media, for the study's page."""


@dataclass(frozen=True)
class StudyPlace:
    """Names of what is made of a study.

    Attributes:
        folder: with a slash at its end.
    """

    container: str
    folder: str

    @classmethod
    def of(cls, study: str, key_name: str, results_container: str) -> StudyPlace:
        """Return the place of what is made of all jobs of a study, or of those of one API key."""
        part = f"of-{owner_slug(key_name)}" if key_name else "all"
        return cls(container_of_studies(results_container), f"{folder_of(study)}{part}/")

    @property
    def current(self) -> str:
        return f"{self.folder}{CURRENT}"

    @property
    def making(self) -> str:
        return f"{self.folder}{MAKING}"

    def file(self, made: str, name: str) -> str:
        """Return the name of one of `FILES`.

        Args:
            made: names what was made together.
        """
        return f"{self.folder}{made}/{name}"


def container_of_studies(results_container: str) -> str:
    """Return the container of what is made of studies."""
    return CONTAINER if results_container == OWN_CONTAINER else results_container


def folder_of(study: str) -> str:
    """Return the folder of all that is made of a study, with a slash at its end."""
    return f"{FOLDER}{study}/"
