"""The job stores of one storage account: blobs, queue, table and the submitter over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from service.errors import StorageUnavailable
from service.jobs.callback_queue import CallbackQueue
from service.jobs.job_queue import JobQueue
from service.jobs.job_table import JobTable
from service.jobs.names import OWN_CONTAINER
from service.jobs.report_queue import ReportQueue
from service.jobs.side_queue import SideQueue
from service.jobs.submit import JobSubmitter
from service.logs import log
from service.settings import BadSettings, Settings
from service.storage.account import Account
from service.storage.azure_blobs import AzureBlobs

CLOCK_WARNING_S = 30.0
CLOCK_FAILURE_S = 300.0


@dataclass(frozen=True)
class JobBackend:
    """One storage account and the job stores in it.

    Attributes:
        account: the SDK's clients.
        submitter: submits jobs to table and queue.
        report_queue: requests for what a worker makes: of studies, and reports (REPORTS_BY).
        callback_queue: calls that workers make when jobs end (CALLBACK_HOSTS).
    """

    settings: Settings
    account: Account
    blobs: AzureBlobs
    queue: JobQueue
    table: JobTable
    submitter: JobSubmitter
    report_queue: ReportQueue
    callback_queue: CallbackQueue

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Build the clients; storage need not be reachable yet. Raises BadSettings."""
        account = Account.connect(settings)
        queue = JobQueue(account.queues, settings.queue_name)
        table = JobTable(account.tables, settings.table_name)
        reports = ReportQueue(account.queues, settings.queue_name)
        callbacks = CallbackQueue(account.queues, settings.queue_name)
        submitter = JobSubmitter(table, queue, callbacks)
        return cls(settings, account, AzureBlobs(account.blobs), queue, table, submitter, reports, callbacks)

    @property
    def side_queues(self) -> tuple[SideQueue, ...]:
        """The queues beside that of the jobs that these settings use."""
        return (self.report_queue, self.callback_queue) if self.settings.callback_hosts else (self.report_queue,)

    def check_clock(self) -> None:
        """Compare this machine's clock with storage's; warn over `CLOCK_WARNING_S`.

        Raises:
            BadSettings: they differ by more than `CLOCK_FAILURE_S`.
        """
        try:
            ahead_s = self.account.pulse("tables").clock_ahead_s
        except StorageUnavailable:
            return
        if ahead_s is None or abs(ahead_s) <= CLOCK_WARNING_S:
            return
        difference = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} storage's"
        if abs(ahead_s) > CLOCK_FAILURE_S:
            raise BadSettings(f"this machine's clock is {difference}; set it right (NTP) before a worker starts")
        log.warning("clock.skewed", seconds_ahead=round(ahead_s, 1))

    def create_storage(self) -> None:
        """Create the queues, the table and the results container where they are missing. Raises StorageUnavailable."""
        self.queue.ensure()
        for queue in self.side_queues:
            queue.ensure()
        self.table.ensure()
        if self.settings.results_container != OWN_CONTAINER:
            self.blobs.ensure_results_container(self.settings.results_container)
