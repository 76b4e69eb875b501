"""Names of everything that one job publishes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from service.jobs.job import AnalysisJob, stem_of
from service.jobs.names import OWN_CONTAINER, OWN_FOLDER

LONGEST_NAME = 1024
LONGEST_STEM = 120

SHORT_ID = 12
"""Digits of a job's id in the name of a local folder."""

PEOPLE = "people.json"
"""Artefact of jobs that name a gallery: the people who were matched."""


@dataclass(frozen=True)
class ResultPlace:
    """Names of everything that one job publishes.

    Attributes:
        container: the container of the results.
        folder: of the job, with a slash at its end.
        stem: of the CSV.
    """

    container: str
    folder: str
    stem: str

    @classmethod
    def of(cls, job: AnalysisJob, results_container: str) -> ResultPlace:
        """Return the place in a storage account."""
        folder = f"{folder_of_upload(job.container, job.blob, results_container)}{job.job_id}/"
        own = results_container == OWN_CONTAINER
        return cls(job.container if own else results_container, folder, _shortened(job.stem, LONGEST_STEM))

    @classmethod
    def in_folder(cls, job: AnalysisJob, *, beside: bool = False) -> ResultPlace:
        """Return the place in a plain folder: one sub-folder for each media file.

        Args:
            beside: with the job's id in its name, where a result of other options has the plain name.
        """
        return cls(".", f"{job.blob}~{job.job_id[:SHORT_ID]}/" if beside else f"{job.blob}/", job.stem)

    @property
    def csv(self) -> str:
        return f"{self.folder}{self.stem}.csv"

    def artefact(self, attempt_id: str, name: str) -> str:
        """Return the name of an artefact; an attempt without an id keeps them beside the CSV."""
        return f"{self.folder}{attempt_id}/{name}" if attempt_id else f"{self.folder}{name}"

    def manifest(self, attempt_id: str) -> str:
        return self.artefact(attempt_id, "manifest.json")


def folder_of_upload(container: str, blob: str, results_container: str) -> str:
    """Return the folder that holds the results of all jobs of one upload, with a slash at its end."""
    before = OWN_FOLDER if results_container == OWN_CONTAINER else f"{container}/"
    # Room for the job id, the attempt id, the longest artefact's name and the slashes between them.
    room = LONGEST_NAME - len(before) - len(_shortened(stem_of(blob), LONGEST_STEM)) - 120
    return f"{before}{_shortened(blob, room)}/"


def _shortened(name: str, longest: int) -> str:
    """Return the name itself, or if it is too long its beginning and a hash that keeps it unique."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: longest - 17].rstrip('/. ')}~{digest}"
