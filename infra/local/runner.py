"""`python -m infra.local.runner`: run the function app on this machine, driven by the blobs in Azurite.

Separate from `function_runner/` because it only puts those pieces together and lives as a process.
Needs MEDIA_STORAGE (a connection string) beside the function app's own settings.
"""

import logging
import os
import secrets
import signal
import threading
from pathlib import Path

import click
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from infra.local.function_runner.access_log import AccessLog
from infra.local.function_runner.blob_watch import BlobWatch
from infra.local.function_runner.delivered_versions import DeliveredVersions
from infra.local.function_runner.delivery import Delivery
from infra.local.function_runner.hosted_functions import HTTP, load_functions
from infra.local.function_runner.http_routes import HttpRoutes
from infra.local.function_runner.subscribers import EVENT_GRID_TIME_LIMIT_S, blob_subscribers
from infra.local.function_runner.worker_threads import worker_threads
from infra.local.json_log import log_json_to_stderr

FUNCTION_APP = Path(__file__).resolve().parents[2] / "cloud_function"

_log = logging.getLogger("function_runner")


@click.command()
@click.option("--app", "app_folder", type=click.Path(path_type=Path), default=FUNCTION_APP, help="Its folder.")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="File of what was delivered.")
@click.option("--port", default=0, help="Port of the HTTP triggers; 0 takes a free one.")
@click.option(
    "--access-log", type=click.Path(path_type=Path), help="Azurite's, which tells of new blobs; else listings."
)
@click.option("--poll-s", default=0.5, help="Seconds between two looks for new blobs.")
@click.option("--first-wait-s", default=0.5, help="Seconds before a failed call runs again; then doubled.")
@click.option("--event-time-limit-s", default=EVENT_GRID_TIME_LIMIT_S, help="An event's delivery has failed after it.")
def main(
    app_folder: Path,
    state: Path,
    port: int,
    access_log: Path | None,
    poll_s: float,
    first_wait_s: float,
    event_time_limit_s: float,
) -> None:
    """Deliver blob events to the function app, and serve its HTTP triggers, until SIGTERM."""
    log_json_to_stderr()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    functions = load_functions(app_folder)
    key = os.environ.get("FUNCTION_KEY") or secrets.token_urlsafe(24)
    threads = worker_threads(os.environ)
    routes = HttpRoutes([function for function in functions if function.kind == HTTP], key, threads)
    port = routes.serve(port)
    names = [function.name for function in functions]
    _log.info("runner.ready", extra={"fields": {"port": port, "functions": names}})
    connection_string = os.environ["MEDIA_STORAGE"]
    # No retries inside the client: the next poll is the retry, and stopping must not wait for them.
    with (
        QueueServiceClient.from_connection_string(connection_string, retry_total=0) as queues,
        BlobServiceClient.from_connection_string(connection_string, retry_total=0) as blobs,
    ):
        delivered = DeliveredVersions(state)
        subscribers = blob_subscribers(functions, queues, os.environ, event_time_limit_s)
        delivery = Delivery(subscribers, delivered, threads, first_wait_s=first_wait_s)
        log = AccessLog(access_log) if access_log else None
        watch = BlobWatch(blobs, log, poll_s, delivery.offer, delivered.keep_only)
        try:
            while not stopping.is_set():
                _look(watch)
                delivery.run_due()
                delivered.save()
                stopping.wait(poll_s)
        finally:
            routes.close()
            # Calls that run are finished; what waits is offered again by the next runner.
            threads.shutdown(wait=True, cancel_futures=True)
            delivered.save()
    _log.info("runner.stopped")


def _look(watch: BlobWatch) -> None:
    try:
        watch.look()
    except AzureError as error:
        _log.warning("storage.unavailable", extra={"fields": {"error": str(error)[:300]}})


if __name__ == "__main__":
    main()
