"""The job stores of one storage account: blobs, queue, table and the submitter over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from service.jobs.job_queue import JobQueue
from service.jobs.job_table import JobTable
from service.jobs.names import OWN_CONTAINER
from service.jobs.submit import JobSubmitter
from service.settings import Settings
from service.storage.account import Account
from service.storage.azure_blobs import AzureBlobs


@dataclass(frozen=True)
class JobBackend:
    """One storage account and the job stores in it.

    Attributes:
        account: the SDK's clients.
        submitter: submits jobs to table and queue.
    """

    settings: Settings
    account: Account
    blobs: AzureBlobs
    queue: JobQueue
    table: JobTable
    submitter: JobSubmitter

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Build the clients; storage need not be reachable yet. Raises BadSettings."""
        account = Account.connect(settings)
        queue = JobQueue(account.queues, settings.queue_name)
        table = JobTable(account.tables, settings.table_name)
        return cls(settings, account, AzureBlobs(account.blobs), queue, table, JobSubmitter(table, queue))

    def create_storage(self) -> None:
        """Create the queues, the table and the results container where they are missing. Raises StorageUnavailable."""
        self.queue.ensure()
        self.table.ensure()
        if self.settings.results_container != OWN_CONTAINER:
            self.blobs.ensure_container(self.settings.results_container)
